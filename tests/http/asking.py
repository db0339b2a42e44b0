"""Asking the application: in memory through httpx, message by message, or over a socket from a real server."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Scope

from factorsvc.entrypoints.http_server import HttpServer


async def ask(app: ASGIApp, method: str, target: str, **request: Any) -> httpx.Response:
    """The response to one request; a defect is the 500 that a client would get."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://replica") as client:
        return await client.request(method, target, **request)


def ask_now(app: ASGIApp, method: str, target: str, **request: Any) -> httpx.Response:
    """As `ask`, for tests without an event loop."""
    return asyncio.run(ask(app, method, target, **request))


def a_scope(method: str, path: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> Scope:
    """An HTTP request's scope."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


class Client:
    """The other end of one ASGI call: gives the request's messages, takes the response's, hangs up when told.

    With `ends` False the request's body goes on for ever; after `takes` messages it stops reading.
    """

    def __init__(self, *body: bytes, ends: bool = True, takes: int | None = None) -> None:
        self._chunks = list(body) or [b""]
        self._ends = ends
        self._takes = takes
        self._gone = asyncio.Event()
        self._taking = asyncio.Event()
        self._taking.set()
        self.given = 0
        """Chunks of the body that the application has taken."""
        self.sent: list[Message] = []
        self._arrived = asyncio.Semaphore(0)
        self._seen = 0

    async def receive(self) -> Message:
        if self.given < len(self._chunks):
            self.given += 1
            more = not self._ends or self.given < len(self._chunks)
            return {"type": "http.request", "body": self._chunks[self.given - 1], "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self._arrived.release()
        if self._takes is not None and len(self.sent) > self._takes:
            self.stop_reading()
        await self._taking.wait()

    async def next_message(self) -> Message:
        """Wait for the next message of the response, in order, and return it."""
        await self._arrived.acquire()
        self._seen += 1
        return self.sent[self._seen - 1]

    def stop_reading(self) -> None:
        """Let whoever sends wait, as a server does when its buffer is full."""
        self._taking.clear()

    def read_on(self) -> None:
        """Take what is sent again."""
        self._taking.set()

    def hang_up(self) -> None:
        """Close the connection."""
        self._gone.set()

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[int]:
    """Serve `app` on a port of this machine; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = HttpServer(app, listening, stop_within_s=10)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve())
            try:
                yield listening.getsockname()[1]  # a connection made before the server accepts waits in the backlog
            finally:
                await server.stop()


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection to `port`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
