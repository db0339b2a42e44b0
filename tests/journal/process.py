"""One process of the service: the project's own parts on links that the world decides about."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.journal import MemoryJournal
from factorsvc.adapters.memory.memory_redis import Connection, User
from factorsvc.adapters.memory.slot_connection import SlotConnections
from factorsvc.adapters.memory.storage import MemoryStorage
from factorsvc.application.policy import Policy
from factorsvc.application.service import Service
from factorsvc.application.signal import Signal
from factorsvc.application.store_values import StoreValues
from factorsvc.application.tenure import Tenure
from factorsvc.application.workspace import Surroundings
from factorsvc.domain.errors import (
    JournalReplacedError,
    JournalUnavailableError,
    NotStoredError,
    OutcomeUnknownError,
    RemovalUnknownError,
    SlotLostError,
    StorageUnavailableError,
)
from factorsvc.domain.ports.clock import Clock
from factorsvc.domain.ports.factorizer import Factorizer
from factorsvc.domain.ports.placement import Assignment
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Storage
from factorsvc.domain.slot import Lease
from tests.builders import factors_of
from tests.journal.loop import ProcessLoop
from tests.journal.servers import LEASE_TTL_S, Servers
from tests.journal.truth import Post
from tests.journal.wire import Call, Wire

ELSEWHERE = 99
"""A slot that nobody has."""
BROKER_BEHIND_S = 1.0
"""By how much a process takes the broker's clock to be behind; never ahead."""


@dataclass
class Claim(SlotClaim):
    """A claim that the world made, and keeps up or lets go."""

    slot: int
    epoch: int
    lease: Lease
    storage: Storage

    async def renew(self) -> None:
        """The world does it."""

    async def release(self) -> None:
        """The world does it."""

    async def close(self) -> None:
        """The world does it."""


class ServerClock(Clock):
    """Cluster time, exact."""

    def __init__(self, servers: Servers) -> None:
        """Read the clock of `servers`."""
        self._servers = servers

    def now_ms(self) -> int:
        """The time."""
        return self._servers.now_ms()


class SmallFactorizer(Factorizer):
    """Factors at once."""

    async def factor(self, numbers: Sequence[int], deadline: float) -> list[tuple[int, ...]]:
        """By trial division."""
        return [factors_of(number) for number in numbers]

    def is_prime(self, number: int) -> bool:
        """By trial division."""
        return factors_of(number) == (number,)


class Process:
    """A process that wants one slot."""

    def __init__(
        self, servers: Servers, policy: Policy, slot: int, name: str, given_up: Callable[[Call], None]
    ) -> None:
        """Start it; what it has sent when it gives a call up is `given_up`."""
        self.name = name
        self.slot = slot
        self.loop = ProcessLoop(lambda: servers.now)
        self.under_way: list[Call] = []
        self.is_frozen = False
        self.is_placed = True
        self.claim: Claim | None = None
        self.service: Service | None = None
        self.tenure: asyncio.Task[None] | None = None
        self.others: list[asyncio.Task[None]] = []
        self._storage: MemoryStorage | None = None
        self._servers = servers
        self._policy = policy
        self._given_up = given_up
        self._secret = 0
        self._user = User(slot, name, 0)
        bus = MemoryBus(servers.broker, self._wire, classes=policy.classes, random_bytes=self._random_bytes)
        self._around = Surroundings(
            bus=bus,
            clock=ServerClock(servers),
            factorizer=SmallFactorizer(),
            policy=policy,
            new_id=self._random_bytes,
        )
        self._ids = 0

    def __repr__(self) -> str:
        return self.name

    @property
    def is_fenced(self) -> bool:
        """Tell whether Redis refuses this process."""
        return self._servers.redis.has_closed(Connection(self.name, self._wire(), self._user, number=1 << 60))

    @property
    def has_orders(self) -> bool:
        """Tell whether the journal is to be read from elsewhere at the next take."""
        journal = self._around.bus.journal
        return isinstance(journal, MemoryJournal) and bool(journal._reader._orders)

    @property
    def is_sure(self) -> bool:
        """Tell whether the process may rely on its slot."""
        return self.claim is not None and self.claim.lease.is_sure(self._servers.now)

    @property
    def has_tenure(self) -> bool:
        """Tell whether the process takes itself for the holder of its slot."""
        return self.tenure is not None and not self.tenure.done()

    @property
    def is_answering(self) -> bool:
        """Tell whether the process answers questions, if it has the class."""
        return self.service is not None and self.is_sure and self.has_tenure

    def begin_tenure(self) -> None:
        """Claim the slot, in one go, and begin to serve."""
        self._secret += 1
        self._user = User(self.slot, self.name, self._secret)
        redis = self._servers.redis
        watched = redis.watch_lease(Connection(self.name, self._wire()), self.slot)
        epoch = redis.claim(self._user, LEASE_TTL_S, watched)
        assert epoch is not None
        connections = SlotConnections(redis, self._user, self._wire)
        self._storage = MemoryStorage(redis, connections, self._policy.classes, 100)
        self.claim = Claim(self.slot, epoch, Lease(LEASE_TTL_S, self._servers.now), self._storage)
        self.service = None
        self.tenure = self.loop.create_task(self._tenure(self.claim))

    def end_tenure(self) -> None:
        """Notice that the slot is lost."""
        if self.tenure is not None:
            self.tenure.cancel()

    def cut_writer(self) -> None:
        """Lose the connection over which the view is written."""
        if self._storage is not None:
            self._storage._writer.cut()

    def renew(self) -> None:
        """Renew the lease, if that is possible."""
        if self.claim is None or not self.is_sure or self.is_fenced:
            return
        if self._servers.redis.renew(self.slot, LEASE_TTL_S) is not None:
            self.claim.lease.renewed(self._servers.now)

    def place(self, *, here: bool) -> None:
        """Have the classes placed here, or elsewhere."""
        self.is_placed = here
        if self.service is not None:
            self.service.work.custody.follow(self._assignment(), self.loop.time())

    def post(self, post: Post, ttl_s: int | None, steps: Callable[[], int]) -> None:
        """Take a POST."""
        assert self.service is not None
        work = self.service.work
        store = StoreValues(replace(work, around=replace(work.around, new_id=post.new_id)))
        self.others.append(self.loop.create_task(_post(store, post, ttl_s, steps)))

    def failures(self) -> Iterator[BaseException]:
        """What nobody expected."""
        for task in (*self.others, self.tenure):
            if task is not None and task.done() and not task.cancelled() and (error := task.exception()):
                yield error

    async def _tenure(self, claim: Claim) -> None:
        """What `Tenure` does, without what is not about the journal."""
        tenure = Tenure(claim, self._around, Signal())
        try:
            work = None
            while work is None:
                try:
                    work = await tenure._prepare()
                except (JournalUnavailableError, StorageUnavailableError):
                    await asyncio.sleep(0)
            work.broker_clock.sample(self.loop.time() + BROKER_BEHIND_S, self._servers.broker.now_ms())
            self.service = Service(work)
            work.custody.follow(self._assignment(), self.loop.time())
            await self.service._materializer.run()
        except* (SlotLostError, RemovalUnknownError, JournalReplacedError):
            pass

    def _assignment(self) -> Assignment:
        slot = self.slot if self.is_placed else ELSEWHERE
        return Assignment(1, dict.fromkeys(range(self._policy.classes), slot))

    def _wire(self) -> Wire:
        return Wire(self.loop, self.under_way, self._given_up)

    def _random_bytes(self, size: int) -> bytes:
        self._ids += 1
        return f"{self.name}-{self._ids}".encode().rjust(size, b"-")


async def _post(store: StoreValues, post: Post, ttl_s: int | None, steps: Callable[[], int]) -> None:
    try:
        await store.store(post.values, ttl_s)
    except NotStoredError:
        post.refused = True
    except OutcomeUnknownError:
        pass
    else:
        post.stored_at = steps()
