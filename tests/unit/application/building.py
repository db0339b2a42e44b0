"""What the tests of the application are made of: one replica's parts on servers in memory, in virtual time.

Its view is put together by hand and its peers are played by the test, so that a test of one part needs no other.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, ParamSpec, TypeVar

from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.database import Database
from factorsvc.adapters.memory.link import DirectLink
from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.application.class_custody import ClassCustody
from factorsvc.application.policy import Policy
from factorsvc.application.signal import Signal
from factorsvc.application.workspace import Surroundings, Workspace
from factorsvc.domain.broker_clock import BrokerClock
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.cluster_map import ClusterMap
from factorsvc.domain.fold import fold
from factorsvc.domain.ports.placement import Assignment
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.record import Entry, Put, PutKey, Tombstone
from factorsvc.domain.restoration import Position
from tests.builders import NOW_MS
from tests.simulation.loop import SimulationLoop
from tests.simulation.run import run
from tests.unit.application.faulty_ports import (
    FaultyBus,
    FaultyClaim,
    FaultyFactorizer,
    FaultyJournal,
    FaultyMailbox,
    FaultyPlacementGroup,
    FaultySlots,
    FaultyStatusLog,
    FaultyStorage,
)

P = ParamSpec("P")
T = TypeVar("T")

CLASSES = 3
POLICY = Policy(classes=CLASSES, transaction_values=2, cold_loads=2, questions=4, primes_per_question=2)
ELSEWHERE = 9
"""A slot that no replica of a test holds."""
MAX_TIME_S = 4_000.0
"""Whatever a test waits for has happened by then, or never does."""
PAGE_MEMBERS = 5
"""A set of a database with more members comes in pages."""


_beside: list[asyncio.Task[Any]] = []
"""What the test that runs now has started beside itself; kept until its simulation is closed."""


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run `test` in a simulation of its own. What it has started beside itself ends with it.

    Raises:
        ExceptionGroup: something that was started has failed, and the test did not look at it.
    """

    @functools.wraps(test)
    def simulated(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main(_: SimulationLoop) -> None:
            await test(*args, **kwargs)
            unseen = [task.exception() for task in _beside if task.done() and task._log_traceback]
            if failures := [error for error in unseen if error is not None]:
                raise BaseExceptionGroup("nobody looked at these", failures)

        try:
            run(main, seed=1, max_time_s=MAX_TIME_S)
        finally:
            _beside.clear()

    return simulated


async def settled() -> None:
    """Wait until all is done that can be done without time passing."""
    await asyncio.sleep(1e-6)


def running(coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Run `coroutine` beside the test, which cares for its end."""
    task = asyncio.get_running_loop().create_task(coroutine)
    _beside.append(task)
    return task


def start(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run `coroutine` beside the test to the end of it; the test fails if that fails."""
    task = running(coroutine)
    assert not task.done()


def now_s() -> float:
    """The instant, by the loop's clock."""
    return asyncio.get_running_loop().time()


def it_is_about(instant: float) -> bool:
    """Tell whether it is `instant`, or a moment later."""
    return instant <= now_s() < instant + 0.01


def now_ms() -> int:
    """The wall clock of both servers."""
    return NOW_MS + round(now_s() * 1000)


class Process:
    """What one process of the service has all its life: its way to the servers."""

    def __init__(self, servers: "Servers", token: str, lease_ttl_s: float) -> None:
        policy = servers.policy
        clock = SampledClock(now_s)
        random = Random(token)
        self.factorizer = FaultyFactorizer()
        self.slots = FaultySlots(
            MemorySlotAllocator(
                servers.redis,
                token,
                DirectLink,
                clock,
                random,
                lease_ttl_s=lease_ttl_s,
                classes=policy.classes,
                page_members=PAGE_MEMBERS,
            )
        )
        self.bus = FaultyBus(
            MemoryBus(servers.broker, DirectLink, classes=policy.classes, random_bytes=random.randbytes)
        )
        self.around = Surroundings(
            bus=self.bus, clock=clock, factorizer=self.factorizer, policy=policy, new_id=random.randbytes
        )


class Servers:
    """One Redis and one broker."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.redis = MemoryRedis(now_ms)
        self.broker = MemoryCluster(policy.classes, now_ms)
        self._processes = 0

    def process(self, lease_ttl_s: float = 10.0) -> Process:
        """A new process."""
        self._processes += 1
        return Process(self, f"process {self._processes}", lease_ttl_s)

    def entries(self, class_id: int) -> list[Entry]:
        """All there is in the journal of a class."""
        return [
            Entry(stored.offset, stored.append_time_ms, stored.record)
            for stored in self.broker.journal.log.partitions[class_id].records
            if isinstance(stored.record, Put | Tombstone)
        ]

    def end(self, class_id: int) -> int:
        """The end of the journal of a class."""
        return self.broker.journal.log.partitions[class_id].end

    @property
    def buried(self) -> list[PutKey]:
        """The puts that have a tombstone, class by class in the order of the tombstones."""
        records = [entry.record for class_id in range(self.policy.classes) for entry in self.entries(class_id)]
        return [PutKey(*record) for record in records if isinstance(record, Tombstone)]


@dataclass(frozen=True, slots=True)
class Rig:
    """The workspace of a replica that holds a slot and no class yet, with all that a test may do to it."""

    servers: Servers
    process: Process
    claim: FaultyClaim
    work: Workspace

    @property
    def storage(self) -> FaultyStorage:
        return self.claim.faulty_storage

    @property
    def database(self) -> Database:
        """What is in the slot, as nobody but a test can see it."""
        return self.servers.redis.databases[self.claim.slot]

    @property
    def journal(self) -> FaultyJournal:
        return self.process.bus.parts.journal

    @property
    def mailbox(self) -> FaultyMailbox:
        return self.process.bus.parts.mailbox

    @property
    def statuses(self) -> FaultyStatusLog:
        return self.process.bus.parts.statuses

    @property
    def placement(self) -> FaultyPlacementGroup:
        return self.process.bus.parts.placement

    @property
    def custody(self) -> ClassCustody:
        return self.work.custody

    @property
    def slot(self) -> int:
        return self.work.slot

    def place(self, *classes: int, elsewhere: int = ELSEWHERE) -> None:
        """Have `classes` placed here and the others on slot `elsewhere`."""
        placement = {c: self.slot if c in classes else elsewhere for c in range(self.servers.policy.classes)}
        self.custody.follow(Assignment(1, placement), now_s())

    async def append(self, *puts: Put) -> None:
        """Have `puts` in the journal."""
        receipts = await self.journal.inner.append(puts, now_s() + 1)
        assert all(isinstance(receipt, int) for receipt in receipts)

    async def load(self, *classes: int, load_id: bytes = b"load", verified_at_ms: int | None = None) -> None:
        """Have the database hold the whole journal of `classes`, folded."""
        for class_id in classes:
            entries = self.servers.entries(class_id)
            values = sorted({entry.record.value for entry in entries})
            states = fold({}, entries).changed
            position = Position(
                load_id, self.servers.end(class_id), now_ms() if verified_at_ms is None else verified_at_ms
            )
            change = Change(
                presents={value: states.get(value) for value in values},
                positions={class_id: position},
                journal_id=self.work.facts.journal_id,
            )
            await self.storage.inner.commit(await self.storage.inner.look([class_id], values), change)

    async def serve(self, *puts: Put) -> None:
        """Have `puts` in the journal, and all classes placed here and served from a view that has all of it."""
        classes = range(self.servers.policy.classes)
        await self.append(*puts)
        await self.load(*classes)
        self.place(*classes)
        for class_id in classes:
            position = self.database.positions[class_id]
            self.custody.resume(class_id, position, position.next_offset)

    @property
    def values(self) -> list[int]:
        """The values that have a state in the database."""
        return sorted(
            present.value
            for class_id in range(self.servers.policy.classes)
            for present in self.database.some(class_id, 1_000)
        )


async def a_rig(
    policy: Policy = POLICY, *, servers: Servers | None = None, found: Iterable[int] = (), lease_ttl_s: float = 1e6
) -> Rig:
    """The workspace of a new process that has claimed a slot; `found` are classes that it takes for found there."""
    servers = servers or Servers(policy)
    process = servers.process(lease_ttl_s)
    claim = await process.slots.claim()
    assert claim is not None
    bus = process.bus
    facts = await bus.journal.open()
    await bus.mailbox.open(claim.slot)
    broker_clock = BrokerClock()
    broker_clock.sample(now_s(), now_ms())
    work = Workspace(
        around=process.around,
        claim=claim,
        facts=facts,
        custody=ClassCustody(claim.slot, policy.classes, found),
        map=ClusterMap(policy.classes),
        broker_clock=broker_clock,
        changed=Signal(),
    )
    return Rig(servers, process, claim, work)
