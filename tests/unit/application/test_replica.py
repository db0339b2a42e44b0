"""The life of a replica: claim, stand by, serve, lose the slot and claim again, drain (P2, P7, design 5 and 8)."""

import asyncio

import pytest

from factorsvc.application.replica import Replica
from factorsvc.domain.errors import (
    JournalMismatchError,
    JournalReplacedError,
    JournalUnavailableError,
    NotReadyError,
    RemovalUnknownError,
    SlotLostError,
)
from factorsvc.domain.slot import SLOTS
from factorsvc.domain.status import Readiness
from tests.builders import a_value
from tests.unit.application.building import CLASSES, Servers, in_virtual_time, it_is_about, now_s, running, settled
from tests.unit.application.faulty_ports import FaultyClaim
from tests.unit.application.replicas import SHORT, Living, a_ready_replica, until


@in_virtual_time
async def test_a_replica_serves() -> None:
    living = await a_ready_replica(Servers(SHORT))
    claim = living.claim

    assert await living.replica.store([6, 5], None) == [a_value(6), a_value(5)]
    assert await living.found(3) == b"6 2,3"
    assert living.replica.readiness() == Readiness(True, "", claim.slot, claim.epoch, CLASSES)
    assert [status.slot for status in living.replica.cluster()] == [claim.slot]


@in_virtual_time
async def test_replicas_answer_for_all_of_the_server() -> None:
    """P5: whichever replicas took the POSTs."""
    servers = Servers(SHORT)
    one, other = await a_ready_replica(servers), await a_ready_replica(servers)
    await one.replica.store([6, 4], None)
    await other.replica.store([2], None)

    for living in (one, other):
        assert sorted((await living.found(2)).split(b"\n")) == [b"2 2", b"4 2,2", b"6 2,3"]
        assert len(living.replica.cluster()) == 2


@in_virtual_time
async def test_before_its_first_claim_a_replica_serves_nothing() -> None:
    process = Servers(SHORT).process()
    replica = Replica(process.slots, process.around)

    assert replica.readiness() == Readiness(False, "claiming a slot", None, None, 0)
    assert replica.cluster() == ()
    with pytest.raises(NotReadyError, match="claiming a slot"):
        await replica.store([6], None)
    with pytest.raises(NotReadyError, match="claiming a slot"):
        await replica.find(2)


@in_virtual_time
async def test_a_replica_that_is_starting_serves_nothing() -> None:
    living = Living(Servers(SHORT).process())
    gate = living.process.bus.parts.journal.faults.hold("open")
    await gate.reached.wait()

    assert living.replica.readiness() == Readiness(False, "starting", living.claim.slot, living.claim.epoch, 0)
    assert living.replica.cluster() == ()
    with pytest.raises(NotReadyError, match="starting"):
        await living.replica.find(2)


@in_virtual_time
async def test_a_replica_that_finds_no_slot_stands_by_and_takes_the_first_that_frees() -> None:
    """Design 5: it is live, and says what it waits for."""
    servers = Servers(SHORT)
    claims = [await servers.process(lease_ttl_s=1e6).slots.claim() for _ in range(SLOTS)]
    living = Living(servers.process())
    told = running(living.replica.changed())
    await told
    assert living.replica.readiness() == Readiness(False, "standing by: all slots are taken", None, None, 0)
    await asyncio.sleep(10)
    assert living.reason == "standing by: all slots are taken"
    with pytest.raises(NotReadyError, match="standing by"):
        await living.replica.store([6], None)

    freed = claims[11]
    assert freed is not None
    await freed.release()
    await until(lambda: living.is_ready)
    assert living.claim.slot == 11


@in_virtual_time
async def test_a_database_that_does_not_answer_is_waited_for() -> None:
    servers = Servers(SHORT)
    servers.redis.down = True
    living = Living(servers.process())
    await asyncio.sleep(10)
    assert living.reason == "the database does not answer"

    servers.redis.down = False
    await until(lambda: living.is_ready)


@pytest.mark.parametrize("call", ["renew", "look"])
@in_virtual_time
async def test_a_slot_that_is_lost_is_claimed_again(call: str) -> None:
    """P2: another claim, another epoch; in between there are no answers. P4: and nothing is lost."""
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    await living.replica.store([6], None)
    first = living.claim
    faults = first.faults if call == "renew" else first.faulty_storage.faults
    faults.break_down(call, lambda: SlotLostError(first.slot))
    await living.replica.store([12], None)
    await until(lambda: first.faults.calls[-1:] == ["close"])
    assert "release" not in first.faults.calls, "the slot may be another replica's"

    await until(lambda: living.is_ready)
    assert living.claim is not first
    assert living.claim.epoch >= first.epoch
    assert sorted((await living.found(2)).split(b"\n")) == [b"12 2,2,3", b"6 2,3"]


@in_virtual_time
async def test_between_two_claims_a_replica_serves_nothing() -> None:
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    gate = living.process.slots.faults.hold("claim")
    servers.redis.lapse(living.claim.slot)
    seen = []
    while not gate.reached.is_set():
        await living.replica.changed()
        seen.append(living.reason)
    assert "claiming a slot again" in seen

    assert living.replica.readiness() == Readiness(False, "claiming a slot again", None, None, 0)
    assert living.replica.cluster() == ()
    with pytest.raises(NotReadyError, match="again"):
        await living.replica.find(2)


@in_virtual_time
async def test_a_removal_in_doubt_has_the_slot_claimed_anew_with_its_own_token() -> None:
    """Design 6, rule 4: that cuts the connection on which it may be under way; it is the same slot and epoch."""
    living = await a_ready_replica(Servers(SHORT))
    await living.replica.store([6], None)
    first = living.claim
    first.faulty_storage.faults.fail("sizes", RemovalUnknownError())
    await until(lambda: living.claim is not first)
    await until(lambda: living.is_ready)

    assert (living.claim.slot, living.claim.epoch) == (first.slot, first.epoch)
    assert first.faults.calls.count("release") == 0
    with pytest.raises(SlotLostError):
        await first.inner.storage.look([])
    assert await living.found(2) == b"6 2,3"


@in_virtual_time
async def test_a_journal_that_was_made_anew_is_begun_with() -> None:
    """Design 6, rule 2: every view is thrown away, and the replica serves what the new one has."""
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    await living.replica.store([6], None)
    living.process.bus.parts.journal.faults.fail("open", JournalReplacedError())
    servers.broker.journal.delete()
    await (await a_ready_replica(servers)).replica.store([10], None)
    await until(lambda: len(living.process.slots.claims) == 2, within_s=70)
    await until(lambda: living.is_ready)

    assert await living.found(2) == b"10 2,5"


@pytest.mark.parametrize(
    "error", [JournalMismatchError("cleanup_policy", "delete", "compact"), ZeroDivisionError()], ids=type
)
@in_virtual_time
async def test_what_a_replica_cannot_go_on_with_ends_its_life_loudly(error: Exception) -> None:
    """Style: nothing unexpected is logged and passed over. The slot is left to its lease."""
    living = Living(Servers(SHORT).process())
    living.process.bus.parts.journal.faults.fail("open", error)
    with pytest.raises(ExceptionGroup) as caught:
        await living.life

    assert caught.group_contains(type(error))
    assert living.claim.faults.calls == ["close"]
    assert living.replica.readiness().slot is None


@in_virtual_time
async def test_a_lost_slot_does_not_hide_something_unexpected() -> None:
    """Both at one instant: the replica can go on after the one, but not after the other."""
    living = await a_ready_replica(Servers(SHORT))
    claim = living.claim
    lost = claim.faults.hold("renew", error=SlotLostError(claim.slot))
    unexpected = claim.faulty_storage.faults.hold("sizes", error=ZeroDivisionError())
    await lost.reached.wait()
    await unexpected.reached.wait()
    lost.open()
    unexpected.open()

    with pytest.raises(ExceptionGroup) as caught:
        await living.life
    assert caught.group_contains(ZeroDivisionError)
    assert not caught.group_contains(SlotLostError)


@in_virtual_time
async def test_a_get_is_not_answered_when_the_lease_has_run_out_under_it() -> None:
    """P2: whatever was found. The client may try another replica."""
    servers = Servers(SHORT)
    living, other = await a_ready_replica(servers), await a_ready_replica(servers)
    await until(lambda: living.replica.readiness().classes < CLASSES)
    gate = other.claim.faulty_storage.faults.hold("read")
    looking = running(living.replica.find(2))
    await gate.reached.wait()
    await settled()  # what this replica serves itself is in hand
    living.claim.lease.sure_until = now_s()
    gate.open()

    with pytest.raises(NotReadyError, match="the lease is not sure"):
        await looking
    with pytest.raises(NotReadyError, match="the lease is not sure"):
        await living.replica.store([6], None)
    assert living.reason == "the lease is not sure"


@in_virtual_time
async def test_a_get_that_waits_when_the_slot_is_lost_is_told() -> None:
    """P2: at once, so that the client can try another replica."""
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    living.process.bus.parts.journal.faults.break_down("end_offsets", JournalUnavailableError)
    looking = running(living.replica.find(2))
    claim = living.claim
    servers.redis.lapse(claim.slot)
    with pytest.raises(NotReadyError, match="the slot was lost"):
        await looking
    assert it_is_about(10 / 3)


@in_virtual_time
async def test_whoever_watches_is_told_of_claims_and_readiness() -> None:
    living = Living(Servers(SHORT).process())
    seen = [living.replica.readiness()]
    while not seen[-1].ready:
        await living.replica.changed()
        seen.append(living.replica.readiness())

    assert list(dict.fromkeys(readiness.reason for readiness in seen)) == [
        "claiming a slot",
        "starting",
        "the broker's time is not known yet",
        "some classes are not served yet",
        "",
    ]


@in_virtual_time
async def test_each_claim_has_a_tenure_of_its_own() -> None:
    """Nothing of the last one is used again: what it knew is not known to the next."""
    servers = Servers(SHORT)
    living = await a_ready_replica(servers)
    gates = []

    def prepare(claim: FaultyClaim) -> None:
        gates.append(claim.faulty_storage.faults.hold("look"))

    living.process.slots.prepare = prepare
    servers.redis.lapse(living.claim.slot)
    await until(lambda: gates)
    await gates[0].reached.wait()
    assert living.replica.cluster() == ()
    assert living.reason == "starting"

    gates[0].open()
    await until(lambda: living.is_ready)
