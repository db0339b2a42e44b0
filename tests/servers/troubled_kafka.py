"""The way to a real broker on which requests meet trouble. Each replica of a test comes in through a door of its own.

Messages are told apart by the length that each begins with, and requests by their key. What the broker says of itself
is rewritten, as its clients would else go past the door: it must be the only one of its cluster.
"""

import asyncio
import struct
from collections import deque
from contextlib import suppress
from enum import Enum, auto
from io import BytesIO
from typing import Any, Final

from aiokafka.protocol import metadata

from tests.servers.kafka_broker import HOST, KafkaBroker

PRODUCE: Final = 0
METADATA: Final = 3
WAITING: Final = {1, 11, 14}
"""Fetch, JoinGroup and SyncGroup: their answers may wait for somebody else, and nothing takes effect with them."""


class Trouble(Enum):
    """What becomes of requests."""

    SILENCE = auto()
    """They are lost, and so are the answers to those that were not."""
    POSTPONED = auto()
    """They are kept back until the trouble ends, whether or not their sender waits for so long."""
    REFUSED = auto()
    """Connections end, old and new ones."""


class Door:
    """Where the connections of one replica come in."""

    def __init__(self, way: "TroubledKafka") -> None:
        """Prepare one; `open` opens it."""
        self.way = way
        self.port = 0
        self.named = self
        """The door that the broker's metadata names instead of the broker."""
        self.trouble: Trouble | None = None
        self.passed = 0
        """How many requests have come in here."""
        self._later: tuple[int, Trouble] | None = None
        self._listener: asyncio.Server | None = None
        self._passing: dict[_Passage, asyncio.Task[None]] = {}

    @property
    def bootstrap(self) -> str:
        """What a client is told to come in here."""
        return f"{HOST}:{self.port}"

    async def open(self) -> None:
        """Let connections in from now on, at `port`."""
        self._listener = await asyncio.start_server(self._let_in, HOST, 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End all connections, and let in no more."""
        if self._listener is not None:
            self._listener.close()
        for passage in self._passing:
            passage.end()
        if self._passing:
            await asyncio.wait(self._passing.values())
        if self._listener is not None:
            await self._listener.wait_closed()

    def meet(self, trouble: Trouble) -> None:
        """Have all requests through this door meet `trouble` from now on."""
        self.trouble = trouble
        if trouble is Trouble.REFUSED:
            for passage in self._passing:
                passage.end()

    def meet_later(self, trouble: Trouble, after: int) -> None:
        """Let `after` more requests pass, and have all that follow meet `trouble`."""
        self._later = (self.passed + after, trouble)

    def comes(self) -> None:
        """Note that a request has come."""
        if self._later is not None and self.passed == self._later[0]:
            self.meet(self._later[1])
        self.passed += 1

    async def heal(self) -> None:
        """End the trouble, and return when what was kept back has taken effect."""
        self.trouble = self._later = None
        for passage in [*self._passing]:
            await passage.go_on()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        client = _End(reader, writer)
        if self.trouble is Trouble.REFUSED:
            client.end()
            return
        passage = _Passage(self, client)
        self._passing[passage] = task
        try:
            await passage.run()
        finally:
            del self._passing[passage]


class TroubledKafka:
    """All ways to one broker, and the trouble on all of them."""

    def __init__(self, broker: KafkaBroker) -> None:
        """Lead to `broker`."""
        host, _, port = broker.bootstrap.rpartition(":")
        self.address = (host, int(port))
        self._doors: list[Door] = []
        self._postponed = asyncio.Event()

    async def door(self) -> Door:
        """Return one more door, open."""
        door = Door(self)
        await door.open()
        self._doors.append(door)
        return door

    async def close(self) -> None:
        """End all."""
        for door in self._doors:
            await door.close()

    def meet(self, trouble: Trouble) -> None:
        """Have all requests meet `trouble` from now on."""
        self._postponed.clear()
        for door in self._doors:
            door.meet(trouble)

    async def heal(self) -> None:
        """End all trouble, and return when what was kept back has taken effect."""
        for door in self._doors:
            await door.heal()

    async def postponed(self) -> None:
        """Return when an append has been kept back."""
        await self._postponed.wait()

    def keeps_back(self, key: int) -> None:
        """Note that a request of this kind has been kept back."""
        if key == PRODUCE:
            self._postponed.set()


class _End:
    """One end of a connection, which also may be over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_over = False

    async def read(self) -> bytes | None:
        """Return the next message without its length; None when there is no more."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            (size,) = struct.unpack(">i", await self._reader.readexactly(4))
            return await self._reader.readexactly(size)
        self.end()
        return None

    def write(self, message: bytes) -> None:
        if not self.is_over:
            self._writer.write(struct.pack(">i", len(message)) + message)

    def end(self) -> None:
        self.is_over = True
        self._writer.transport.abort()


class _Passage:
    """One connection of a client, and that to the broker which belongs to it."""

    def __init__(self, door: Door, client: _End) -> None:
        self._door = door
        self._client = client
        self._broker: _End | None = None
        self._kept: list[bytes] = []
        self._asked: deque[tuple[int, int]] = deque()
        """Key and version of the requests that the broker has not answered; it answers in their order."""
        self._has_lost = False
        """A request or an answer: no later answer would be understood."""
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Carry requests and answers until one side ends, and nothing is kept back."""
        try:
            self._broker = _End(*await asyncio.open_connection(*self._door.way.address))
        except OSError:
            self._client.end()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._carry_requests(self._broker))
            group.create_task(self._carry_answers(self._broker))

    def end(self) -> None:
        """End both sides, and forget what is kept."""
        self._kept.clear()
        self._client.end()
        if self._broker is not None:
            self._broker.end()

    async def go_on(self) -> None:
        """The trouble has ended: do what was kept back, and return when it has taken effect or cannot any more."""
        if self._broker is not None and self._kept:
            for request in self._kept:
                self._ask(self._broker, request)
            async with self._changed:
                await self._changed.wait_for(self._is_through)
            self._kept.clear()  # only now: until then the broker's side is needed, even if the client has gone
            self._has_lost |= self._client.is_over
        if self._has_lost:
            self.end()

    async def _carry_requests(self, broker: _End) -> None:
        while (request := await self._client.read()) is not None:
            self._door.comes()
            match self._door.trouble:
                case Trouble.SILENCE:
                    self._has_lost = True
                case Trouble.POSTPONED:
                    self._kept.append(request)
                    self._door.way.keeps_back(_kind(request)[0])
                case _:
                    self._ask(broker, request)
        if not self._kept:
            broker.end()

    async def _carry_answers(self, broker: _End) -> None:
        while (answer := await broker.read()) is not None:
            key, version = self._asked.popleft()
            if self._door.trouble is Trouble.SILENCE:
                self._has_lost = True
            else:
                self._client.write(self._rewritten(answer, version) if key == METADATA else answer)
            await self._tell()
        self._client.end()
        await self._tell()

    def _ask(self, broker: _End, request: bytes) -> None:
        self._asked.append(_kind(request))
        broker.write(request)

    def _is_through(self) -> bool:
        assert self._broker is not None
        return self._broker.is_over or not any(key not in WAITING for key, _ in self._asked)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _rewritten(self, answer: bytes, version: int) -> bytes:
        """The broker's metadata, with a door in place of its own address."""
        correlation, body = answer[:4], BytesIO(answer[4:])
        said: Any = getattr(metadata, f"MetadataResponse_v{version}").decode(body)
        said.brokers = [(node, HOST, self._door.named.port, *rest) for node, _, _, *rest in said.brokers]
        encoded: bytes = said.encode()
        return correlation + encoded


def _kind(request: bytes) -> tuple[int, int]:
    """The key and the version of a request."""
    key, version = struct.unpack_from(">hh", request)
    return key, version
