"""What a story needs of the world that it is told in: replicas, their servers, clients, and time.

A world in real processes is a harness that starts them, sends signals, and speaks HTTP; one in memory is the
simulation. A story relies on the times and bounds of the design (a lease of 10 s, 5 s for an append or a query), but
for what is in `Shape`; and on replicas that take requests for only 1 s more when they are stopped, and look every 5 s
whether their journal is still the same.
"""

from abc import abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from factorsvc.domain.status import Status
from factorsvc.domain.value import FactoredValue


class Shape(NamedTuple):
    """What is fixed before the first replica starts."""

    classes: int = 12
    """Few, and many numbers of replicas divide it: so it is no matter of chance who serves how many."""
    page_members: int = 5_000
    """A set of more members than these is answered in pages, unless it is so small that Redis has it in one piece."""
    transaction_values: int = 200
    """So many values are written at once; few make the restoring of a class slow."""
    retention_s: float = 86_400
    """How long tombstones stay after compaction (`delete.retention.ms`)."""
    bury_after_s: float = 5
    """How long after its expiry a value is buried and removed."""


class RedisEvent(Enum):
    """What can happen to the one Redis."""

    DOWN = "down"
    """It refuses connections."""
    UP = "up"
    FULL = "full"
    """It takes no more writes (`maxmemory`)."""
    ROOM = "room"
    """It has room again."""
    WIPE = "wipe"
    """FLUSHALL, leases included."""
    SAVE = "save"
    """What is there now survives a crash."""
    CRASH = "crash"
    """It is killed and started at once, and has what was there at the last `save`."""


class BrokerEvent(Enum):
    """What can happen to the broker."""

    DOWN = "down"
    """It refuses connections."""
    UP = "up"
    COMPACT = "compact"
    """Every class of the journal is compacted up to its end, and tombstones whose time is over are dropped."""
    DELETE_JOURNAL = "delete-journal"
    """Somebody deletes the topic of the journal."""


class LinkEvent(Enum):
    """What can happen to the way between one replica and the broker."""

    CUT = "cut"
    """Nothing gets through in either direction, and nobody is told."""
    LAG = "lag"
    """What is sent to the broker from now on arrives 20 s later."""
    MENDED = "mended"
    """What is sent from now on gets through at once."""


class Reply(NamedTuple):
    """What a client got for its request."""

    status: int | None
    """None: there was no answer, or not all of it; then `problem` says so."""
    values: Sequence[FactoredValue] = ()
    problem: str = ""
    """The last part of the problem's type; empty: it was served."""
    outcome: str | None = None
    """What the problem says of a POST: whether something may be stored."""


class Sight(NamedTuple):
    """What a replica says of itself and the others (`/readyz`, `/cluster`)."""

    ready: bool
    standing_by: bool
    slot: int | None
    statuses: Sequence[Status]


class LongAnswer(Protocol):
    """A GET that was answered 200, and whose answer is longer than what was taken of it yet."""

    @abstractmethod
    async def rest(self) -> Reply:
        """Take the rest and return the whole."""


class World(Protocol):
    """A cluster that is yet to be started. Replicas are numbered; a number is used again by a replica's restart."""

    @abstractmethod
    async def found(self, shape: Shape) -> None:
        """Make the servers: an empty Redis, up for longer than a lease, and a broker without a journal. Comes first."""

    @abstractmethod
    async def start(self, replica: int) -> None:
        """Start a process."""

    @abstractmethod
    async def stop(self, replica: int) -> None:
        """SIGTERM; returns when the process has ended."""

    @abstractmethod
    async def kill(self, replica: int) -> None:
        """SIGKILL."""

    @abstractmethod
    async def pause(self, replica: int) -> None:
        """SIGSTOP."""

    @abstractmethod
    async def resume(self, replica: int) -> None:
        """SIGCONT."""

    @abstractmethod
    async def link(self, replica: int, event: LinkEvent) -> None:
        """Do something to the network between a replica and the broker."""

    @abstractmethod
    async def redis(self, event: RedisEvent) -> None:
        """Do something to Redis."""

    @abstractmethod
    async def broker(self, event: BrokerEvent) -> None:
        """Do something to the broker."""

    @abstractmethod
    async def views(self) -> int:
        """Return how many databases of Redis hold a view that a replica can go on with."""

    @abstractmethod
    async def post(self, replica: int, numbers: Sequence[int], ttl_s: int | None) -> Reply:
        """Send a POST to a replica."""

    @abstractmethod
    async def get(self, replica: int, prime: int) -> Reply:
        """Send a GET to a replica."""

    @abstractmethod
    async def begin_get(self, replica: int, prime: int) -> LongAnswer | Reply:
        """Send a GET to a replica and take the first of a long answer; or the reply, if it is none."""

    @abstractmethod
    async def look(self, replica: int) -> Sight:
        """Ask a running replica for what it says of itself."""

    @abstractmethod
    async def tick(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    async def under_way(self) -> None:
        """Return when a request that was begun just now has been read by its replica, and not much later."""
