"""The cluster's picture as an event stream (HTML Living Standard 9.2): one event for each change."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from factorsvc.domain.status import LEAVING
from factorsvc.entrypoints.http.api import ReplicaApi
from factorsvc.entrypoints.http.connection import piece, run_while_connected
from factorsvc.entrypoints.http.models import cluster_status

HEARTBEAT_S: Final = 15.0
"""Seconds without a change after which a comment shows that the stream lives: below the idle timeout of proxies."""


def picture_of(replica: ReplicaApi) -> bytes:
    """The JSON of `/cluster`, and of one event."""
    return cluster_status(replica.readiness(), replica.cluster()).model_dump_json().encode()


class ClusterEvents(Response):
    """Sends the picture at once and then whenever it has changed, until the client goes away or the replica leaves.

    A client that reads slowly misses pictures in between, never the last one: a picture is taken when it is sent.
    """

    media_type: str | None = "text/event-stream"

    def __init__(self, replica: ReplicaApi, heartbeat_s: float = HEARTBEAT_S) -> None:
        # What Response does, without the body whose length it would announce.
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store"})
        self._replica = replica
        self._heartbeat_s = heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        await run_while_connected(self._send(send), receive)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sent = b""
        while self._replica.readiness().reason != LEAVING:
            picture = picture_of(self._replica)
            if picture != sent:
                await send(piece(b"data: %b\n\n" % picture))
                sent = picture
            elif not await self._changed():  # nothing is awaited since the picture was taken, so no change is missed
                await send(piece(b":\n\n"))
        await send(piece(b"", more=False))

    async def _changed(self) -> bool:
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await self._replica.changed()
        except TimeoutError:
            return False
        return True
