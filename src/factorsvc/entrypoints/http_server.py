"""The HTTP server: an address, taken before anything else starts, and uvicorn, which stops when it is told to.

uvicorn would act on signals by itself, and it would end while a leaving replica is still to be found by clients.
"""

import asyncio
import errno
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from factorsvc.entrypoints.http.problems import MALFORMED_REQUEST, answer_with

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 75
"""Longer than proxies keep a connection that they do not use, so that they are the ones to close it: a request that
meets a closing connection fails."""


class AddressUnavailableError(Exception):
    """The address cannot be listened on. The message is one line that says why."""


def listen(host: str, port: int) -> socket.socket:
    """Take `port` of `host`, 0 for any that is free; connections wait from now on to be served.

    Raises:
        AddressUnavailableError: it is taken, not ours, or there is no such host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressUnavailableError(f"cannot listen on {host}: {error.strerror}") from error
    family, _, _, _, address = found[0]
    try:
        return socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressUnavailableError(f"port {port} of {host} is taken") from error
        why = os.strerror(error.errno or 0)
        raise AddressUnavailableError(f"cannot listen on port {port} of {host}: {why}") from error


class HttpServer:
    """Serves one ASGI application on one socket, from `serve` until `stop`."""

    def __init__(self, app: ASGIApp, listening: socket.socket, stop_within_s: float) -> None:
        """Serve `app` on `listening`; once it is to stop, answers have `stop_within_s` seconds to come to their end."""
        self._listening = listening
        self._ended = asyncio.Event()
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",  # the one that runs already
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,  # the application has its own
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=math.ceil(stop_within_s),
            )
        )

    async def serve(self) -> None:
        """Serve until stopped. Cancelled, it breaks off what is under way."""
        try:
            await self._server.serve(sockets=[self._listening])
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Take no more connections or requests, and return when those under way have their answers.

        An answer that takes longer than `stop_within_s`, as to a client that does not read, is broken off then.
        """
        self._server.should_exit = True
        await self._ended.wait()


class _Protocol(HttpToolsProtocol):
    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, and so reaches no application, with a problem too."""
        answer = answer_with(MALFORMED_REQUEST, method="")
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in headers), b"", bytes(answer.body)]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the server."""
        yield
