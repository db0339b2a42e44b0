"""One connection on the way to a real server, and what becomes of the requests on it."""

import asyncio
import os
import socket
from abc import abstractmethod
from contextlib import suppress
from typing import Protocol

import hiredis

from tests.contracts.slots_server import Trouble
from tests.servers.redis_server import HOST

_PIECE = 1 << 20


class Way(Protocol):
    """What all connections to one server have in common: the trouble on them."""

    port: int
    """Where the server is."""

    @abstractmethod
    def next_fate(self) -> Trouble | None:
        """What becomes of the next request."""

    @abstractmethod
    def meets(self) -> None:
        """Note that a request has met the trouble."""

    @abstractmethod
    def keep(self, passage: "Passage") -> None:
        """Have `passage` go on when the trouble ends."""

    @abstractmethod
    def passed(self) -> None:
        """Note that a request was answered: the one after it may be to be refused, which its sender is to know."""


class End:
    """One end of a connection, which also may be over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_over = False

    async def read(self) -> bytes:
        """Return what comes next; nothing when it is over."""
        piece = b""
        with suppress(ConnectionError):
            piece = await self._reader.read(_PIECE)
        if not piece:
            self.end()
        return piece

    def write(self, piece: bytes) -> None:
        if not self.is_over:
            self._writer.write(piece)

    def end(self) -> None:
        self.is_over = True
        self._writer.transport.abort()

    def shut_down(self) -> None:
        """Have the other side find the end at once, where `end` would wait for the event loop."""
        if not self.is_over:
            same = socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno()))
            with same, suppress(OSError):
                same.shutdown(socket.SHUT_RDWR)


class Passage:
    """One connection of a client, and that to the server which belongs to it."""

    def __init__(self, way: Way, client: End) -> None:
        self._way = way
        self._client = client
        self._server: End | None = None
        self._fate: Trouble | None = None
        self._kept = b""
        """A request, or an answer, that waits for the trouble to end."""
        self._asked, self._answered = Counter(), Counter()
        self._is_through = asyncio.Event()
        """Nothing is under way, or nothing can be any more."""
        self._is_through.set()

    async def run(self) -> None:
        """Carry requests and answers until one side ends."""
        try:
            self._server = End(*await asyncio.open_connection(HOST, self._way.port))
        except OSError:
            self._client.end()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._carry_requests(self._server))
            group.create_task(self._carry_answers(self._server))

    def end(self) -> None:
        """End both sides."""
        self._client.end()
        if self._server is not None:
            self._server.end()

    def shut_out(self) -> None:
        """Have the client find at once that its connection has ended; what is kept of it stays."""
        self._client.shut_down()

    async def go_on(self) -> None:
        """The trouble has ended: do what was kept back, and return when it has taken effect or cannot any more."""
        assert self._server is not None
        kept, self._kept = self._kept, b""
        match self._fate:
            case Trouble.STALLED:
                self._fate = None
                self._client.write(kept)
            case _:
                self._server.write(kept)
                await self._is_through.wait()

    async def _carry_requests(self, server: End) -> None:
        while piece := await self._client.read():
            try:
                self._asked.feed(piece)
            except hiredis.ProtocolError:  # a stranger, who was led here by what had this port before
                self.end()
                return
            if self._is_through.is_set():
                self._is_through.clear()
                self._fate = self._way.next_fate()
            self._kept += piece
            if not self._asked.is_whole:
                continue
            if self._fate in {Trouble.HELD_UP, Trouble.POSTPONED}:
                self._way.meets()
                self._way.keep(self)
            elif self._fate in {Trouble.REQUEST_LOST, Trouble.REFUSED}:
                self._way.meets()
                self.end()
            else:
                request, self._kept = self._kept, b""
                server.write(request)
            if self._fate is Trouble.POSTPONED:
                self._client.end()
        if self._fate not in {Trouble.POSTPONED, Trouble.HELD_UP}:
            server.end()

    async def _carry_answers(self, server: End) -> None:
        while piece := await server.read():
            self._answered.feed(piece)
            is_whole = self._answered.number == self._asked.number
            if self._fate is None:
                self._client.write(piece)
            elif self._fate is Trouble.STALLED:
                self._kept += piece
            if is_whole:
                self._is_through.set()
                self._take_in_whole_answer()
        self._is_through.set()
        if self._fate in {Trouble.ANSWER_LOST, Trouble.STALLED}:
            self._way.meets()
        self._client.end()

    def _take_in_whole_answer(self) -> None:
        if self._fate is None:
            self._way.passed()
        elif self._fate is Trouble.STALLED:
            self._way.keep(self)
            self._way.meets()
        else:
            if self._fate is Trouble.ANSWER_LOST:
                self._way.meets()
            self.end()


class Counter:
    """Counts the messages of one direction."""

    def __init__(self) -> None:
        self._parser = hiredis.Reader(notEnoughData=self)
        self.number = 0

    def feed(self, piece: bytes) -> None:
        self._parser.feed(piece)
        while self._parser.gets() is not self:
            self.number += 1

    @property
    def is_whole(self) -> bool:
        """Tell whether the last message has come to its end."""
        return not self._parser.has_data()
