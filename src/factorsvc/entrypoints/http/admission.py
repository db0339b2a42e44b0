"""Refusing early: more requests at once than a replica can serve well are answered before they cost anything."""

from starlette.types import ASGIApp, Receive, Scope, Send

from factorsvc.domain.errors import OverloadedError
from factorsvc.entrypoints.http.problems import answer_to_error


class Admission:
    """Lets at most `limit` requests for values be under way at once; the next one is a 503, and none waits in a queue.

    A request is under way until its answer is sent. Everything but values, above all the probes, always passes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the problem."""
        if scope["type"] != "http" or not _asks_for_values(scope["path"]):
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._limit:
            refused = OverloadedError(f"{self._limit} requests at once")
            await answer_to_error(refused, scope["method"])(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1


def _asks_for_values(path: str) -> bool:
    return path == "/values" or path.startswith("/values/")
