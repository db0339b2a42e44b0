"""Doubles of the ports: each passes every call on to an adapter in memory, unless its `faults` say otherwise."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from factorsvc.domain.placement import Member
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.factorizer import Factorizer
from factorsvc.domain.ports.journal import Journal, JournalFacts, Receipt
from factorsvc.domain.ports.mailbox import Mail, Mailbox
from factorsvc.domain.ports.placement import Assignment, PlacementGroup
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim
from factorsvc.domain.ports.statuses import StatusBatch, StatusLog
from factorsvc.domain.ports.storage import Change, Reading, Snapshot, Storage, Want
from factorsvc.domain.question import Frame, Message, Question
from factorsvc.domain.record import Batch, Put, PutKey
from factorsvc.domain.status import Status
from tests.builders import factors_of
from tests.unit.application.faults import Faults


class FaultyStorage(Storage):
    """A database."""

    def __init__(self, inner: Storage) -> None:
        self.inner = inner
        self.faults = Faults()

    async def look(self, classes: Collection[int], values: Collection[int] = ()) -> Snapshot:
        return await self.faults.meet("look", lambda: self.inner.look(classes, values))

    async def commit(self, snapshot: Snapshot, change: Change) -> None:
        await self.faults.meet("commit", lambda: self.inner.commit(snapshot, change))

    async def remove(self, snapshot: Snapshot, keys: Collection[PutKey]) -> None:
        await self.faults.meet("remove", lambda: self.inner.remove(snapshot, keys))

    async def forget(self, classes: Collection[int]) -> None:
        await self.faults.meet("forget", lambda: self.inner.forget(classes))

    async def clear(self, class_id: int, limit: int) -> bool:
        return await self.faults.meet("clear", lambda: self.inner.clear(class_id, limit))

    async def expired(self, classes: Collection[int], before_ms: int, limit: int) -> list[int]:
        return await self.faults.meet("expired", lambda: self.inner.expired(classes, before_ms, limit))

    async def read(self, wants: Sequence[Want], as_of_ms: int) -> Reading:
        return await self.faults.meet("read", lambda: self.inner.read(wants, as_of_ms))

    async def sizes(self, classes: Collection[int]) -> Mapping[int, int]:
        return await self.faults.meet("sizes", lambda: self.inner.sizes(classes))


class FaultyJournal(Journal):
    """A journal that tells from where each class is read."""

    def __init__(self, inner: Journal) -> None:
        self.inner = inner
        self.faults = Faults()
        self.reading: dict[int, int] = {}
        """The offset that each class was last ordered to be read from, of those that are read."""

    async def open(self) -> JournalFacts:
        return await self.faults.meet("open", self.inner.open)

    async def append(self, puts: Sequence[Put], deadline: float) -> list[Receipt]:
        return await self.faults.meet("append", lambda: self.inner.append(puts, deadline))

    async def bury(self, keys: Sequence[PutKey]) -> None:
        await self.faults.meet("bury", lambda: self.inner.bury(keys))

    async def end_offsets(self) -> Mapping[int, int]:
        return await self.faults.meet("end_offsets", self.inner.end_offsets)

    def read_from(self, class_id: int, offset: int) -> None:
        self.reading[class_id] = offset
        self.inner.read_from(class_id, offset)

    def stop_reading(self, classes: Collection[int]) -> None:
        for class_id in classes:
            self.reading.pop(class_id, None)
        self.inner.stop_reading(classes)

    async def take(self, limit: int, timeout_s: float) -> list[Batch]:
        return await self.faults.meet("take", lambda: self.inner.take(limit, timeout_s))


class FaultyMailbox(Mailbox):
    """A mailbox that keeps what was sent from it, to whom, for the test to answer."""

    def __init__(self, inner: Mailbox) -> None:
        self.inner = inner
        self.faults = Faults()
        self._sent: asyncio.Queue[tuple[int, Message]] = asyncio.Queue()

    async def open(self, slot: int) -> None:
        await self.faults.meet("open", lambda: self.inner.open(slot))

    async def send(self, slot: int, messages: Sequence[Message]) -> None:
        await self.faults.meet("send", lambda: self.inner.send(slot, messages))
        for message in messages:
            self._sent.put_nowait((slot, message))

    async def take(self, timeout_s: float) -> Mail:
        return await self.faults.meet("take", lambda: self.inner.take(timeout_s))

    async def question(self) -> tuple[int, Question]:
        """The next question that was sent, and to which slot."""
        slot, message = await self._sent.get()
        assert isinstance(message, Question)
        return slot, message

    async def frame(self) -> tuple[int, Frame]:
        """The next frame that was sent, and to which slot."""
        slot, message = await self._sent.get()
        assert isinstance(message, Frame)
        return slot, message

    @property
    def has_sent(self) -> bool:
        """Tell whether something was sent that the test has not looked at."""
        return not self._sent.empty()


class FaultyStatusLog(StatusLog):
    """A status log that keeps what was said into it."""

    def __init__(self, inner: StatusLog) -> None:
        self.inner = inner
        self.faults = Faults()
        self.said: list[Status] = []

    async def publish(self, status: Status) -> int:
        stamp_ms = await self.faults.meet("publish", lambda: self.inner.publish(status))
        self.said.append(status)
        return stamp_ms

    async def take(self, timeout_s: float) -> StatusBatch:
        return await self.faults.meet("take", lambda: self.inner.take(timeout_s))


class FaultyPlacementGroup(PlacementGroup):
    """A placement group that keeps whom it was given to ask."""

    def __init__(self, inner: PlacementGroup) -> None:
        self.inner = inner
        self.faults = Faults()
        self.member: Callable[[], Member | None] = lambda: None

    async def join(self, member: Callable[[], Member | None]) -> None:
        self.member = member
        await self.faults.meet("join", lambda: self.inner.join(member))

    async def changed(self, than: Assignment | None) -> Assignment:
        return await self.faults.meet("changed", lambda: self.inner.changed(than))

    async def leave(self) -> None:
        await self.faults.meet("leave", self.inner.leave)


class FaultyParts(NamedTuple):
    """The doubles of a bus."""

    journal: FaultyJournal
    placement: FaultyPlacementGroup
    statuses: FaultyStatusLog
    mailbox: FaultyMailbox


class FaultyBus(ClusterBus):
    """All of a bus."""

    def __init__(self, inner: ClusterBus) -> None:
        self.inner = inner
        self.parts = FaultyParts(
            FaultyJournal(inner.journal),
            FaultyPlacementGroup(inner.placement),
            FaultyStatusLog(inner.statuses),
            FaultyMailbox(inner.mailbox),
        )
        self.journal: Journal = self.parts.journal
        self.placement: PlacementGroup = self.parts.placement
        self.statuses: StatusLog = self.parts.statuses
        self.mailbox: Mailbox = self.parts.mailbox

    async def close(self) -> None:
        await self.inner.close()


class FaultyClaim(SlotClaim):
    """A slot that is held."""

    def __init__(self, inner: SlotClaim) -> None:
        self.slot = inner.slot
        self.epoch = inner.epoch
        self.lease = inner.lease
        self.faulty_storage = FaultyStorage(inner.storage)
        self.storage: Storage = self.faulty_storage
        self.inner = inner
        self.faults = Faults()

    async def renew(self) -> None:
        await self.faults.meet("renew", self.inner.renew)

    async def release(self) -> None:
        await self.faults.meet("release", self.inner.release)

    async def close(self) -> None:
        await self.faults.meet("close", self.inner.close)


class FaultySlots(SlotAllocator):
    """An allocator that keeps the claims it gave, and prepares those to come."""

    def __init__(self, inner: SlotAllocator) -> None:
        self.inner = inner
        self.faults = Faults()
        self.claims: list[FaultyClaim] = []
        self.prepare: Callable[[FaultyClaim], object] = lambda _: None
        """Called with each claim before it is given."""

    async def claim(self) -> FaultyClaim | None:
        claim = await self.faults.meet("claim", self.inner.claim)
        if claim is None:
            return None
        self.claims.append(FaultyClaim(claim))
        self.prepare(self.claims[-1])
        return self.claims[-1]


class FaultyFactorizer(Factorizer):
    """Factors small numbers in no time."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.factored: list[int] = []

    async def factor(self, numbers: Sequence[int], deadline: float) -> list[tuple[int, ...]]:
        async def factors() -> list[tuple[int, ...]]:
            self.factored += numbers
            return [factors_of(number) for number in numbers]

        return await self.faults.meet("factor", factors)

    def is_prime(self, number: int) -> bool:
        return factors_of(number) == (number,)
