"""Sending clients elsewhere while the replica leaves."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from factorsvc.domain.status import LEAVING
from factorsvc.entrypoints.http.api import ReplicaApi


class Farewell:
    """Marks each answer of a replica that is leaving with `Connection: close`.

    The client's next request then takes a new connection, which a load balancer opens to a replica that stays, and
    nobody is in the middle of a request when the drained replica closes what is left (P7).
    """

    def __init__(self, app: ASGIApp, replica: ReplicaApi) -> None:
        self._app = app
        self._replica = replica

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start" and self._replica.readiness().reason == LEAVING:
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, marked if scope["type"] == "http" else send)
