"""One claim from when it is made until it is lost or given back: the lease, the beginning, the drain (P2, P7)."""

import asyncio

import pytest

from factorsvc.domain.errors import (
    FactorsvcError,
    JournalMismatchError,
    JournalUnavailableError,
    RemovalUnknownError,
    SlotLostError,
    StorageFullError,
    StorageUnavailableError,
)
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.record import Put
from factorsvc.domain.value import class_of
from tests.builders import a_position, a_put, present_of
from tests.simulation.loop import SimulationLoop
from tests.unit.application.building import CLASSES, Servers, in_virtual_time, it_is_about, now_s, running
from tests.unit.application.replicas import SHORT, Reigning, a_ready_tenure, a_tenure, group_of, stop_at_once, until


def servers_with_view(*puts: Put, journal_id: bytes, classes: tuple[int, ...]) -> Servers:
    """Servers of which one database holds a view of `classes`, of that journal, and the values of `puts`."""
    servers = Servers(SHORT)
    presents = {put.value: present_of(put) for put in puts}
    positions = {class_id: a_position(next_offset=0) for class_id in classes}
    change = Change(presents=presents, positions=positions, journal_id=journal_id)
    servers.redis.databases[5].apply({}, change, CLASSES)
    return servers


@in_virtual_time
async def test_a_tenure_is_starting_until_it_knows_what_there_is() -> None:
    reigning = await a_tenure(Servers(SHORT))
    gate = reigning.journal.faults.hold("open")
    await gate.reached.wait()
    assert reigning.tenure.service is None
    assert reigning.tenure.reason_not_ready() == "starting"

    told = running(reigning.changed.wait())
    silence = reigning.process.bus.parts.statuses.faults.hold("take")
    gate.open()
    await told
    assert reigning.tenure.service is not None
    silence.open()
    await until(lambda: reigning.is_ready)
    assert reigning.serves == {0, 1, 2}


@pytest.mark.parametrize(
    ("port", "call", "error"),
    [
        ("journal", "open", JournalUnavailableError()),
        ("storage", "look", StorageUnavailableError()),
        ("storage", "forget", StorageUnavailableError()),
        ("storage", "forget", StorageFullError()),
        ("storage", "sizes", StorageUnavailableError()),
        ("mailbox", "open", JournalUnavailableError()),
    ],
)
@in_virtual_time
async def test_servers_that_are_away_are_waited_for(port: str, call: str, error: FactorsvcError) -> None:
    """The lease is kept meanwhile, and nothing is promised to anybody."""
    reigning = await a_tenure(Servers(SHORT))
    parts = reigning.process.bus.parts
    faults = {
        "journal": parts.journal.faults,
        "storage": reigning.claim.faulty_storage.faults,
        "mailbox": parts.mailbox.faults,
    }[port]
    faults.break_down(call, lambda: error)
    await asyncio.sleep(30)
    assert reigning.tenure.reason_not_ready() == "starting"
    assert reigning.tenure.is_sure
    assert parts.statuses.said == []

    faults.mend()
    await until(lambda: reigning.is_ready)


@in_virtual_time
async def test_a_journal_that_cannot_be_worked_with_ends_the_tenure() -> None:
    reigning = await a_tenure(Servers(SHORT))
    reigning.journal.faults.fail("open", JournalMismatchError("classes", "7", "3"))

    with group_of(JournalMismatchError):
        await reigning.life


@in_virtual_time
async def test_a_view_that_is_found_is_gone_on_with() -> None:
    """A restart costs no restoring: the placement hears of the view, and it is opened."""
    first = await a_ready_tenure(servers := Servers(SHORT))
    journal_id = first.service.work.facts.journal_id
    await first.service.store.store([6], None)  # a view without a value saves nobody anything
    await until(lambda: servers.redis.databases[first.claim.slot].holds_view)
    await first.tenure.drain(stop_at_once)
    load_ids = {
        class_id: position.load_id for class_id, position in servers.redis.databases[first.claim.slot].positions.items()
    }
    await first.claim.release()
    second = await a_tenure(servers)
    gate = second.process.bus.parts.placement.faults.hold("join")
    await gate.reached.wait()
    told = second.process.bus.parts.placement.member()
    assert told is not None
    assert told.retiring == {0, 1, 2}
    gate.open()
    await until(lambda: second.is_ready)

    assert second.claim.slot == first.claim.slot
    assert second.service.work.custody.load_ids == load_ids
    assert second.service.work.facts.journal_id == journal_id


@in_virtual_time
async def test_a_view_of_another_journal_is_thrown_away_whole() -> None:
    """Design 6, rule 2: none of its positions is ever taken for one of ours, and its values are cleared."""
    servers = servers_with_view(a_put(6), a_put(4), journal_id=b"another", classes=(0, 1))
    reigning = await a_ready_tenure(servers)
    assert reigning.claim.slot == 5
    await until(lambda: not reigning.service.work.custody.garbage)

    assert all(servers.redis.databases[5].size(class_id) == 0 for class_id in range(CLASSES))


@in_virtual_time
async def test_what_an_earlier_holder_left_half_dropped_is_cleared() -> None:
    """Values of classes without a position, whether or not the classes are ever placed here."""
    servers = Servers(SHORT)
    other = await a_ready_tenure(servers)
    facts = other.service.work.facts
    left = a_put(4)
    change = Change(
        presents={4: present_of(left)}, positions={0: a_position(next_offset=1)}, journal_id=facts.journal_id
    )
    servers.redis.databases[9].apply({}, change, CLASSES)
    reigning = await a_tenure(servers)
    gate = reigning.process.bus.parts.placement.faults.hold("join")
    await gate.reached.wait()

    assert reigning.claim.slot == 9
    await until(lambda: servers.redis.databases[9].size(class_of(4, CLASSES)) == 0)
    assert 0 in servers.redis.databases[9].positions


@in_virtual_time
async def test_what_the_last_tenure_still_read_is_read_no_more() -> None:
    reigning = await a_tenure(Servers(SHORT))
    reigning.journal.read_from(2, 0)
    gate = reigning.process.bus.parts.placement.faults.hold("join")
    await gate.reached.wait()

    assert reigning.journal.reading == {}


@in_virtual_time
async def test_the_lease_is_renewed_three_times_in_its_ttl() -> None:
    reigning = await a_ready_tenure(Servers(SHORT), lease_ttl_s=9)
    await asyncio.sleep(90 - now_s())

    assert 29 <= reigning.claim.faults.calls.count("renew") <= 30
    assert reigning.tenure.is_sure


@in_virtual_time
async def test_a_renewal_that_got_no_answer_is_tried_again_soon() -> None:
    """P7: a database that is away for less than the lease costs no slot."""
    reigning = await a_ready_tenure(Servers(SHORT), lease_ttl_s=9)
    reigning.claim.faults.break_down("renew", StorageUnavailableError)
    await asyncio.sleep(8)
    assert reigning.tenure.is_sure
    reigning.claim.faults.mend()
    await asyncio.sleep(30)

    assert reigning.tenure.is_sure
    assert not reigning.life.done()


@in_virtual_time
async def test_a_lease_that_cannot_be_renewed_ends_the_tenure_in_time() -> None:
    """P2: by the replica's own clock, ttl after the last renewal that succeeded was sent."""
    reigning = await a_ready_tenure(Servers(SHORT), lease_ttl_s=9)
    await asyncio.sleep(3.5 - now_s())
    reigning.claim.faults.break_down("renew", StorageUnavailableError)
    with group_of(SlotLostError):
        await reigning.life

    assert 12 <= now_s() <= 12 + SHORT.retry_s


@in_virtual_time
async def test_a_renewal_that_hangs_does_not_hold_the_slot() -> None:
    """P2."""
    reigning = await a_ready_tenure(Servers(SHORT), lease_ttl_s=9)
    reigning.claim.faults.hold("renew")
    with group_of(SlotLostError):
        await reigning.life

    assert it_is_about(9)


@in_virtual_time
async def test_a_slot_that_is_lost_ends_all_that_rests_on_it() -> None:
    """P2: at once, whatever the lease says."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    servers.redis.lapse(reigning.claim.slot)
    with group_of(SlotLostError):
        await reigning.life
    said = len(reigning.process.bus.parts.statuses.said)
    await asyncio.sleep(60)

    assert len(reigning.process.bus.parts.statuses.said) == said


@in_virtual_time
async def test_a_frozen_replica_is_not_sure_when_it_wakes() -> None:
    """P2: before it has done anything else."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulationLoop)
    node, reigning = loop.node("frozen"), list[Reigning]()

    async def live() -> None:
        reigning.append(await a_tenure(Servers(SHORT)))
        with group_of(SlotLostError):
            await reigning[0].life

    life = node.run(live())
    await until(lambda: reigning and reigning[0].is_ready)
    node.pause()
    await asyncio.sleep(60)
    node.resume()

    assert not reigning[0].tenure.is_sure
    assert reigning[0].tenure.reason_not_ready() == "the lease is not sure"
    await life


@in_virtual_time
async def test_what_ends_a_service_ends_its_tenure() -> None:
    reigning = await a_ready_tenure(Servers(SHORT))
    reigning.claim.faulty_storage.faults.fail("sizes", RemovalUnknownError())

    with group_of(RemovalUnknownError):
        await reigning.life
