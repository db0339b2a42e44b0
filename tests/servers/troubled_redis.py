"""The way to a real server on which requests meet trouble, each at the very step that a test names.

A request is what a client writes until the server has answered all of it, as the adapter asks nothing before that. To
tell where one ends, both directions are parsed. Who is to get no answer sees its connection end.
"""

import asyncio
import os
import socket
from contextlib import suppress

import hiredis

from tests.contracts.slots_server import Trouble
from tests.servers.redis_server import HOST

_PIECE = 1 << 20


class Door:
    """Where the connections of one process come in."""

    def __init__(self, way: "TroubledRedis") -> None:
        """Prepare one; `open` opens it."""
        self.port = 0
        self._way = way
        self._listener: asyncio.Server | None = None
        self._passing: dict[_Passage, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Let connections in from now on, at `port`."""
        self._listener = await asyncio.start_server(self._let_in, HOST, 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    @property
    def passing(self) -> int:
        """How many connections there are."""
        return len(self._passing)

    async def slam(self) -> None:
        """End all connections, in both directions, and let in no more."""
        if self._listener is not None:
            self._listener.close()
        for passage in self._passing:
            passage.end()
        if self._passing:
            await asyncio.wait(self._passing.values())
        if self._listener is not None:
            await self._listener.wait_closed()

    def shut_out(self) -> None:
        """Tell all clients now, before anything else runs, that their connections have ended."""
        for passage in self._passing:
            passage.shut_out()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        client = _End(reader, writer)
        if self._way.is_refusing:
            self._way.meets()
            client.end()
            return
        passage = _Passage(self._way, client)
        self._passing[passage] = task
        try:
            await passage.run()
        finally:
            del self._passing[passage]


class TroubledRedis:
    """All ways to one server, and the trouble on them."""

    def __init__(self, port: int) -> None:
        """Lead to the server at `port`."""
        self.port = port
        self._doors: list[Door] = []
        self._trouble: Trouble | None = None
        self._spared = 0
        self._is_lasting = False
        self._met = asyncio.Event()
        self._waiting: list[_Passage] = []

    async def door(self) -> Door:
        """Return one more door, open."""
        door = Door(self)
        await door.open()
        self._doors.append(door)
        return door

    async def close(self) -> None:
        """End all."""
        self.calm()
        for door in self._doors:
            await door.slam()

    def trouble(self, trouble: Trouble, after: int = 0, *, lasting: bool = False) -> None:
        """Let `after` more requests pass, and the next one, or all that follow, meet `trouble`."""
        self._trouble, self._spared, self._is_lasting = trouble, after, lasting
        self._met.clear()
        self._shut_out_if_refusing()

    async def met(self) -> object:
        """Return when a request has met the trouble, and has had the effect that it has at once, if any."""
        return await self._met.wait()

    def calm(self) -> bool:
        """From now on no request meets the trouble. Tell whether any has."""
        self._trouble = None
        return self._met.is_set()

    async def heal(self) -> None:
        """End the trouble, and return when what was kept back has taken effect."""
        self._trouble = None
        waiting, self._waiting = self._waiting, []
        for passage in waiting:
            await passage.go_on()

    @property
    def is_refusing(self) -> bool:
        """Tell whether the next request is to be refused."""
        return self._trouble is Trouble.REFUSED and not self._spared

    def next_fate(self) -> Trouble | None:
        """What becomes of the next request."""
        trouble = self._trouble
        if trouble is None:
            return None
        if self._spared:
            self._spared -= 1
            return None
        if not self._is_lasting:
            self._trouble = None
        return trouble

    def meets(self) -> None:
        """Note that a request has met the trouble."""
        self._met.set()

    def keep(self, passage: "_Passage") -> None:
        """Have `passage` go on when the trouble ends."""
        self._waiting.append(passage)

    def passed(self) -> None:
        """Note that a request was answered: the one after it may be to be refused, which its sender is to know."""
        self._shut_out_if_refusing()

    def _shut_out_if_refusing(self) -> None:
        if self.is_refusing:
            for door in self._doors:
                door.shut_out()


class _End:
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


class _Passage:
    """One connection of a client, and that to the server which belongs to it."""

    def __init__(self, way: TroubledRedis, client: _End) -> None:
        self._way = way
        self._client = client
        self._server: _End | None = None
        self._fate: Trouble | None = None
        self._kept = b""
        """A request, or an answer, that waits for the trouble to end."""
        self._asked, self._answered = _Counter(), _Counter()
        self._is_through = asyncio.Event()
        """Nothing is under way, or nothing can be any more."""
        self._is_through.set()

    async def run(self) -> None:
        """Carry requests and answers until one side ends."""
        try:
            self._server = _End(*await asyncio.open_connection(HOST, self._way.port))
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
            case Trouble.HELD_UP if self._client.is_over:
                self.end()
            case _:
                self._server.write(kept)
                await self._is_through.wait()

    async def _carry_requests(self, server: _End) -> None:
        while piece := await self._client.read():
            if self._is_through.is_set():
                self._is_through.clear()
                self._fate = self._way.next_fate()
            self._asked.feed(piece)
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
        if self._fate is not Trouble.POSTPONED:
            server.end()

    async def _carry_answers(self, server: _End) -> None:
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


class _Counter:
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
