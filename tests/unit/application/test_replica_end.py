"""The end of a replica's life: drained or cancelled, in whatever state it is (P7, design 8)."""

import asyncio

import pytest

from factorsvc.application.replica import Replica
from factorsvc.domain.errors import FactorsvcError, SlotLostError, StorageUnavailableError
from factorsvc.domain.slot import SLOTS
from factorsvc.domain.status import LEAVING, Readiness
from tests.unit.application.building import Servers, in_virtual_time, it_is_about, now_s, running, settled
from tests.unit.application.replicas import SHORT, Living, StopTaking, a_ready_replica, stop_at_once


@in_virtual_time
async def test_a_drained_replica_has_given_its_slot_back() -> None:
    """Design 8: the slot is free at once, with its view."""
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    stop_taking = StopTaking()
    drain = running(living.replica.drain(stop_taking))
    await settled()
    assert living.replica.readiness().reason == LEAVING
    await stop_taking.asked.wait()
    await living.replica.store([6], None)
    assert await living.found(2) == b"6 2,3", "requests are answered until the last one"

    stop_taking.done.set()
    await drain
    await living.life
    assert living.claim.faults.calls[-2:] == ["release", "close"]
    assert living.replica.readiness() == Readiness(False, LEAVING, None, None, 0)
    sight = servers.redis.survey().slots[living.claim.slot]
    assert (sight.leased, sight.holds_view, sight.connected) == (False, True, False)


@pytest.mark.parametrize("error", [StorageUnavailableError(), None], ids=["refused", "silent"])
@in_virtual_time
async def test_a_slot_that_cannot_be_given_back_is_left_to_its_lease(error: FactorsvcError | None) -> None:
    """A drain does not wait for a database that is away."""
    living = await a_ready_replica(Servers(SHORT))
    if error is None:
        living.claim.faults.hold("release")
    else:
        living.claim.faults.fail("release", error)
    began = now_s()
    await living.replica.drain(stop_at_once)
    await living.life

    assert now_s() <= began + SHORT.drain_delay_s + 2.1
    assert living.claim.faults.calls[-1] == "close"


@in_virtual_time
async def test_a_standby_that_is_drained_ends_at_once() -> None:
    servers = Servers(SHORT)
    for _ in range(SLOTS):
        await servers.process(lease_ttl_s=1e6).slots.claim()
    living = Living(servers.process())
    await asyncio.sleep(1.2)
    stop_taking, told = StopTaking(), running(living.replica.changed())
    await settled()
    drain = running(living.replica.drain(stop_taking))
    await told
    await living.life
    assert it_is_about(1.2)
    assert living.reason == LEAVING

    await stop_taking.asked.wait()
    stop_taking.done.set()
    await drain


@in_virtual_time
async def test_a_replica_that_is_cancelled_as_its_slot_is_lost_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A TaskGroup forgets, before Python 3.13, the cancellation that comes together with a failure."""
    living = await a_ready_replica(Servers(SHORT))

    async def renew() -> None:
        living.life.cancel()
        raise SlotLostError(living.claim.slot)

    monkeypatch.setattr(living.claim, "renew", renew)
    with pytest.raises(asyncio.CancelledError):
        await living.life


@in_virtual_time
async def test_a_slot_that_is_won_by_a_replica_that_leaves_is_given_back() -> None:
    """It was on its way when the signal came."""
    servers = Servers(SHORT)
    living = Living(servers.process())
    gate = living.process.slots.faults.hold("claim")
    await gate.reached.wait()
    await living.replica.drain(stop_at_once)
    assert not living.life.done()
    gate.open()
    await living.life

    assert living.claim.faults.calls == ["release", "close"]
    assert not any(slot.leased for slot in servers.redis.survey().slots)


@in_virtual_time
async def test_a_replica_that_is_drained_before_it_lives_claims_nothing() -> None:
    process = Servers(SHORT).process()
    replica = Replica(process.slots, process.around)
    await replica.drain(stop_at_once)
    await replica.run()

    assert process.slots.faults.calls == []


@in_virtual_time
async def test_a_replica_that_loses_its_slot_while_it_leaves_claims_no_other() -> None:
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    stop_taking = StopTaking()
    drain = running(living.replica.drain(stop_taking))
    await stop_taking.asked.wait()
    servers.redis.lapse(living.claim.slot)
    await living.life
    assert len(living.process.slots.claims) == 1
    assert not drain.done(), "those who were asked to stop are waited for"

    stop_taking.done.set()
    await drain


@in_virtual_time
async def test_a_replica_that_is_cancelled_leaves_its_slot_to_its_lease() -> None:
    """As when something else in its process has failed."""
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    living.life.cancel()
    with pytest.raises(asyncio.CancelledError):
        await living.life

    assert living.claim.faults.calls[-1] == "close"
    assert servers.redis.survey().slots[living.claim.slot].leased
