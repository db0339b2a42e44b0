"""The way to a real server on which requests meet trouble, each at the very step that a test names.

A request is what a client writes until the server has answered all of it, as the adapter asks nothing before that. To
tell where one ends, both directions are parsed. Who is to get no answer sees its connection end.
"""

import asyncio

from tests.contracts.slots_server import Trouble
from tests.servers.passage import End, Passage, Way
from tests.servers.redis_server import HOST


class Door:
    """Where the connections of one process come in."""

    def __init__(self, way: "TroubledRedis") -> None:
        """Prepare one; `open` opens it."""
        self.port = 0
        self._way = way
        self._listener: asyncio.Server | None = None
        self._passing: dict[Passage, asyncio.Task[None]] = {}

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
        client = End(reader, writer)
        if self._way.is_refusing:
            self._way.meets()
            client.end()
            return
        passage = Passage(self._way, client)
        self._passing[passage] = task
        try:
            await passage.run()
        finally:
            del self._passing[passage]


class TroubledRedis(Way):
    """All ways to one server, and the trouble on them."""

    def __init__(self, port: int) -> None:
        """Lead to the server at `port`."""
        self.port = port
        self._doors: list[Door] = []
        self._trouble: Trouble | None = None
        self._spared = 0
        self._is_lasting = False
        self._met = asyncio.Event()
        self._waiting: list[Passage] = []

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
        self._met.set()

    def keep(self, passage: Passage) -> None:
        self._waiting.append(passage)

    def passed(self) -> None:
        self._shut_out_if_refusing()

    def _shut_out_if_refusing(self) -> None:
        if self.is_refusing:
            for door in self._doors:
                door.shut_out()
