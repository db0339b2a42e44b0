"""Ports behind their stand-ins: everything passes as it is, and each asynchronous call is told of."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.clocks import ManualClock
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.link import DirectLink
from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.adapters.observability.measured import CANCELLED, DEFECT, OK, MeasuredSlots, measured, measured_bus
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import OverloadedError
from factorsvc.domain.ports.factorizer import Factorizer

Outcome = tuple[str, str, str]


class Seen(list[Outcome]):
    """The calls that were told of, without their times."""

    def observe(self, port: str, call: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.append((port, call, outcome))


class Fake(Factorizer):
    """Answers with its arguments, or fails."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure
        self.entered = asyncio.Event()

    async def factor(self, numbers: Sequence[int], deadline: float) -> list[tuple[int, ...]]:
        self.entered.set()
        if self.failure:
            raise self.failure
        if deadline == float("inf"):
            await asyncio.get_running_loop().create_future()
        return [(number,) for number in numbers]

    def is_prime(self, number: int) -> bool:
        return number == 7


async def test_a_call_passes_with_its_arguments_and_its_result() -> None:
    """The caller notices nothing."""
    seen = Seen()
    factorizer = measured(Fake(), seen.observe)

    assert await factorizer.factor([2, 3], deadline=1.0) == [(2,), (3,)]
    assert seen == [("Factorizer", "factor", OK)]


@pytest.mark.parametrize(
    ("failure", "outcome"), [(OverloadedError("it"), "OverloadedError"), (ZeroDivisionError(), DEFECT)]
)
async def test_an_error_passes_as_it_is(failure: Exception, outcome: str) -> None:
    """Ours are counted by their names, which are few; all others are one."""
    seen = Seen()
    factorizer = measured(Fake(failure), seen.observe)

    with pytest.raises(type(failure)) as raised:
        await factorizer.factor([2], 1.0)

    assert raised.value is failure
    assert seen == [("Factorizer", "factor", outcome)]


async def test_a_cancellation_passes_and_is_no_failure() -> None:
    """Nobody swallows it."""
    seen = Seen()
    fake = Fake()
    factorizer = measured(fake, seen.observe)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(factorizer.factor([2], float("inf")))
        await fake.entered.wait()
        assert seen == []
        waiting.cancel()

    assert waiting.cancelled()
    assert seen == [("Factorizer", "factor", CANCELLED)]


def test_a_call_that_only_computes_is_not_worth_counting() -> None:
    seen = Seen()
    factorizer = measured(Fake(), seen.observe)

    assert (factorizer.is_prime(7), factorizer.is_prime(8)) == (True, False)
    assert seen == []


def test_a_stand_in_is_its_port_and_no_more_of_the_adapter() -> None:
    factorizer = measured(Fake(), Seen().observe)

    assert Factorizer in type(factorizer).__mro__
    assert Fake not in type(factorizer).__mro__
    assert not hasattr(factorizer, "entered")


async def test_all_that_a_bus_consists_of_is_measured() -> None:
    """Each method of each part tells its own name."""
    seen = Seen()
    clock = ManualClock()
    memory = MemoryBus(MemoryCluster(3, clock.now_ms), DirectLink, classes=3, random_bytes=bytes)
    bus = measured_bus(memory, seen.observe)

    assert await bus.journal.open() == await memory.journal.open()
    assert await bus.journal.end_offsets() == await memory.journal.end_offsets()
    bus.journal.stop_reading([0])
    await bus.mailbox.open(3)
    await bus.statuses.take(0)
    await bus.placement.leave()
    await bus.close()

    assert seen == [
        ("Journal", "open", OK),
        ("Journal", "end_offsets", OK),
        ("Mailbox", "open", OK),
        ("StatusLog", "take", OK),
        ("PlacementGroup", "leave", OK),
        ("ClusterBus", "close", OK),
    ]


async def test_each_claim_is_measured_with_its_storage() -> None:
    """The storage of a claim comes to be with it; the allocator's own claim stays as it is."""
    seen = Seen()
    redis = MemoryRedis(ManualClock().now_ms)
    clock = SampledClock(asyncio.get_running_loop().time)
    slots = MeasuredSlots(MemorySlotAllocator(redis, "token", DirectLink, clock, Random(1)), seen.observe)

    claim = await slots.claim()
    assert claim is not None
    await claim.storage.look([0])
    await claim.renew()
    await claim.release()
    await claim.close()

    assert claim.lease.ttl_s == 10
    assert seen == [
        ("SlotAllocator", "claim", OK),
        ("Storage", "look", OK),
        ("SlotClaim", "renew", OK),
        ("SlotClaim", "release", OK),
        ("SlotClaim", "close", OK),
    ]


async def test_no_claim_is_none() -> None:
    """All slots are taken."""
    seen = Seen()
    redis = MemoryRedis(ManualClock().now_ms)
    clock = SampledClock(asyncio.get_running_loop().time)
    for number in range(16):
        assert await MemorySlotAllocator(redis, f"token {number}", DirectLink, clock, Random(1)).claim()

    late = MemorySlotAllocator(redis, "late", DirectLink, clock, Random(1))
    assert await MeasuredSlots(late, seen.observe).claim() is None
    assert seen == [("SlotAllocator", "claim", OK)]
