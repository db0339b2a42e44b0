"""One line for each request."""

import logging
import re
import time
import uuid
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG: Final = logging.getLogger("factorsvc.http")
_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_MAX_PATH: Final = 200
_REQUEST_ID: Final = re.compile(rb"[0-9A-Za-z._-]{1,64}")


class AccessLog:
    """Logs each request when it has ended: method, path, status, milliseconds, and the id of the proxy in front.

    Probes are logged at level debug: they come all the time and say nothing. A status of None means that the client
    was gone before an answer began; `whole` is false for an answer that was broken off.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None
        whole = False

        async def watched(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                whole = not message.get("more_body", False)
            await send(message)

        began = time.monotonic()
        try:
            await self._app(scope, receive, watched)
        except Exception:
            status = status or 500  # answered further out, where no middleware sees it
            raise
        finally:
            level = logging.DEBUG if scope["path"] in _PROBES else logging.INFO
            fields = {
                "method": scope["method"],
                "path": scope["path"][:_MAX_PATH],
                "status": status,
                "whole": whole,
                "ms": round((time.monotonic() - began) * 1000, 3),
                "request_id": _request_id(scope),
            }
            _LOG.log(level, "request", extra=fields)


def _request_id(scope: Scope) -> str:
    """The id that a proxy gave the request, if it is a plain one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value).decode()
    return uuid.uuid4().hex
