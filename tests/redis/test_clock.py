"""Cluster time is the server's: learnt by the claim, and again by each renewal, whatever this machine's clocks say."""

import secrets
import time
from collections.abc import AsyncIterator
from random import Random

import pytest

from factorsvc.adapters.redis.connection import Server
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.slot_allocator import RedisSlotAllocator
from factorsvc.adapters.redis.storage import RedisStorage
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Storage
from tests.contracts.slots_server import CLASSES, PAGE_MEMBERS
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, PATIENCE_S, RedisServer

OFF_S = 90.0


class Instants:
    """The monotonic clock of this machine, which can be set wrong. That of uvloop's loop tells whole ms."""

    def __init__(self) -> None:
        self.off_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.off_s


@pytest.fixture
def instants() -> Instants:
    return Instants()


@pytest.fixture
def clock(instants: Instants) -> SampledClock:
    return SampledClock(instants)


@pytest.fixture
async def claim(
    redis_server: RedisServer, administrator: Administrator, clock: SampledClock
) -> AsyncIterator[SlotClaim]:
    assert await administrator.connections() > 0, "it has begun anew"

    def storage(connections: SlotConnections, slot: int) -> Storage:
        return RedisStorage(connections, slot, CLASSES, PAGE_MEMBERS)

    slots = RedisSlotAllocator(
        Server(HOST, redis_server.port, timeout_s=PATIENCE_S),
        SHARED,
        token="one",  # noqa: S106 - tells processes apart, and lets nobody in
        clock=clock,
        random=Random(0),
        storages=storage,
        new_secret=secrets.token_hex,
    )
    claim = await slots.claim()
    assert claim is not None
    yield claim
    await claim.close()


async def server_ms(administrator: Administrator) -> float:
    """The server's time."""
    ((seconds, microseconds),) = await administrator.ask(("TIME",))
    return int(seconds) * 1000 + int(microseconds) / 1000


def slack_ms_of(clock: SampledClock) -> float:
    """How wrong a clock may be: half the round trip by which it has learnt the time, and less than it tells of."""
    bounds = clock._estimate._bounds
    assert bounds is not None
    return (bounds.most - bounds.least) / 2 + 1


async def is_right(clock: SampledClock, administrator: Administrator, slack_ms: float = 0.0) -> bool:
    """Tell whether a clock may say what the server says; it was up to `slack_ms` ahead, and does not go back."""
    slack_ms = max(slack_ms, slack_ms_of(clock))
    before = await server_ms(administrator)
    told = clock.now_ms()
    after = await server_ms(administrator)
    return before - slack_ms <= told <= after + slack_ms


@pytest.mark.usefixtures("claim")
async def test_a_claim_teaches_the_server_s_time(clock: SampledClock, administrator: Administrator) -> None:
    """To within half a round trip."""
    assert await is_right(clock, administrator)


async def test_the_wall_clock_of_this_machine_does_not_count(
    clock: SampledClock, administrator: Administrator, claim: SlotClaim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: 90 s off, it expires nothing early or late."""
    slack_ms = slack_ms_of(clock)
    for off_s in (OFF_S, -OFF_S):
        wrong = time.time() + off_s
        monkeypatch.setattr(time, "time", lambda wrong=wrong: wrong)
        monkeypatch.setattr(time, "time_ns", lambda wrong=wrong: int(wrong * 1e9))
        await claim.renew()
        assert await is_right(clock, administrator, slack_ms)
        monkeypatch.undo()


async def test_each_renewal_learns_it_anew(
    instants: Instants, clock: SampledClock, administrator: Administrator, claim: SlotClaim
) -> None:
    """Where this machine has slept, or its clock has run away, until the next renewal only."""
    instants.off_s = -OFF_S
    slack_ms = slack_ms_of(clock)
    assert not await is_right(clock, administrator)
    await claim.renew()
    assert await is_right(clock, administrator, slack_ms)
