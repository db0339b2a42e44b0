"""Counting and timing requests, around all else that HTTP does."""

import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Observe = Callable[[str, str, str, float], None]
"""Is told of each request that has ended: method, route, outcome and seconds."""

BROKEN_OFF: Final = "broken_off"
"""The server could not finish the answer and closed the connection in the middle."""
CLIENT_GONE: Final = "client_gone"
"""The client went away before the end of the answer."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_ROUTES: Final = frozenset(
    {"/values", "/healthz", "/readyz", "/cluster", "/cluster/events", "/metrics", "/docs", "/openapi.json"}
)
_OTHER: Final = "other"


class MeasuredRequests:
    """Passes requests on to `app` and tells `observe` of each; its words are few, whatever a client asks for."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, whole = None, False

        async def watched(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = str(message["status"])
            else:
                whole = not message.get("more_body", False)
            await send(message)

        began = time.monotonic()
        unfinished = CLIENT_GONE
        try:
            await self._app(scope, receive, watched)
        except Exception:
            unfinished = BROKEN_OFF
            raise
        finally:
            outcome = status if status is not None and whole else unfinished
            self._observe(_method_of(scope), _route_of(scope["path"]), outcome, time.monotonic() - began)


def _method_of(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else _OTHER


def _route_of(path: str) -> str:
    if path in _ROUTES:
        return path
    return "/values/{prime_factor}" if path.startswith("/values/") else _OTHER
