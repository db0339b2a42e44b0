"""The one task that writes a view: whatever goes wrong, the stored position decides (rule 3, ADR 2)."""

import asyncio

import pytest

from factorsvc.domain.errors import (
    FactorsvcError,
    JournalReplacedError,
    JournalUnavailableError,
    OutOfRangeError,
    RemovalUnknownError,
    SlotLostError,
    StorageConflictError,
    StorageFullError,
    StorageUnavailableError,
)
from tests.builders import NOW_MS, a_position, a_put, present_of
from tests.unit.application.building import (
    CLASSES,
    POLICY,
    a_rig,
    in_virtual_time,
    it_is_about,
    now_s,
    settled,
)
from tests.unit.application.materializing import Materializing, materializing


@pytest.mark.parametrize(
    ("port", "call", "error"),
    [
        ("storage", "look", StorageUnavailableError()),
        ("journal", "bury", JournalUnavailableError()),
        ("storage", "commit", StorageUnavailableError()),
        ("storage", "commit", StorageConflictError()),
        ("storage", "commit", StorageFullError()),
        ("storage", "expired", StorageUnavailableError()),
    ],
)
@pytest.mark.parametrize("is_done", [False, True], ids=["not done", "done"])
@in_virtual_time
async def test_after_any_failure_the_stored_position_decides(
    port: str, call: str, error: FactorsvcError, is_done: bool
) -> None:
    """ADR 2: nothing is applied twice, and nothing is left out, whether or not the call was carried out."""
    first, second = a_put(4), a_put(4)
    it = await materializing()
    await it.rig.append(first)
    await it.until(it.is_current)
    await it.rig.append(second, a_put(7), a_put(6))
    faults = (it.rig.journal if port == "journal" else it.rig.storage).faults
    if is_done:
        faults.lose_answer(call, error)
    else:
        faults.fail(call, error)
    await it.until(lambda: not faults._next[call])
    await settled()
    assert it.rig.custody.doubtful == {0, 1, 2}

    await it.until(it.is_current)
    assert it.rig.values == [4, 6, 7]
    assert it.rig.database.presents_of([4], CLASSES) == {4: present_of(second)}
    assert set(it.rig.servers.buried) == {first.key}


@in_virtual_time
async def test_a_database_that_lost_its_last_second_is_caught_up() -> None:
    """Design 6, rule 3: a batch that starts above the stored position leaves a hole."""
    it = await materializing(4)
    before = it.rig.database.positions[1]
    await it.rig.append(a_put(7))
    await it.until(it.is_current)
    it.rig.database.positions[1] = before
    it.rig.database.drop_values(1, [7])
    await it.rig.append(a_put(10))
    await it.until(it.is_current)

    assert it.rig.values == [4, 7, 10]


@in_virtual_time
async def test_a_view_that_is_another_one_is_looked_at() -> None:
    """Design 6, rule 5."""
    it = await materializing(4)
    load_id = it.rig.database.positions[1].load_id
    await it.rig.load(1, load_id=b"another")
    await it.rig.append(a_put(7))
    await it.until(it.is_current)
    assert it.rig.values == [4, 7]
    assert it.rig.database.positions[1].load_id == b"another" != load_id

    it.rig.database.wipe()
    await it.rig.append(a_put(10))
    await it.until(lambda: it.rig.values == [4, 7, 10])
    assert it.rig.database.positions[1].load_id != b"another"


@in_virtual_time
async def test_a_full_database_says_so_and_catches_up_when_there_is_room() -> None:
    """Design 10: P4 holds meanwhile, as what is in the journal stays there."""
    it = await materializing(4)
    it.rig.servers.redis.full = True
    await it.rig.append(a_put(7))
    await it.until(lambda: it.rig.custody.full)
    await asyncio.sleep(30)
    assert it.rig.custody.full
    assert it.rig.values == [4]

    it.rig.servers.redis.full = False
    await it.until(it.is_current)
    assert not it.rig.custody.full
    assert it.rig.values == [4, 7]


@in_virtual_time
async def test_a_full_database_that_does_not_answer_stays_full() -> None:
    """Nobody has seen that there is room."""
    it = await materializing(4)
    it.rig.storage.faults.fail("commit", StorageFullError(), StorageUnavailableError())
    await it.rig.append(a_put(7))
    await it.until(lambda: it.rig.custody.full)
    await it.until(lambda: not it.rig.storage.faults._next["commit"])
    await settled()

    assert it.rig.custody.full


@in_virtual_time
async def test_what_is_full_is_swept_and_cleared_all_the_same() -> None:
    """Design 7: these make room, and come first in a turn."""
    it = await materializing(6)
    await it.rig.append(a_put(4, expires_at_ms=NOW_MS + 1))
    await it.until(it.is_current)
    it.rig.servers.redis.full = True
    await it.rig.append(a_put(7))
    it.rig.place(1, 2)
    it.rig.custody.succeed(0)
    await asyncio.sleep(POLICY.bury_after_s + 2)

    assert it.rig.values == []


@in_virtual_time
async def test_pauses_grow_while_a_server_is_away() -> None:
    """From a tenth of a second to a second; and are short again once something has worked."""
    it = await materializing(4)
    it.rig.storage.faults.break_down("expired", StorageUnavailableError)
    it.rig.storage.faults.break_down("look", StorageUnavailableError)
    it.rig.custody.doubt([1])
    tries = []
    while now_s() < 30:
        before = len(it.rig.storage.faults.calls)
        await asyncio.sleep(1)
        tries.append(len(it.rig.storage.faults.calls) - before)
    assert max(tries[5:]) <= 2
    assert min(tries[5:]) >= 1

    it.rig.storage.faults.mend()
    await it.until(it.is_current, within_s=1.5)


@in_virtual_time
async def test_a_position_that_is_not_in_the_journal_is_worthless() -> None:
    it = await materializing(4)
    load_id = it.rig.database.positions[1].load_id
    it.rig.journal.faults.fail("take", OutOfRangeError(1))
    await it.until(lambda: it.rig.database.positions.get(1, a_position(load_id=load_id)).load_id != load_id)
    await it.until(it.is_current)

    assert it.rig.values == [4]


@in_virtual_time
async def test_a_position_that_is_not_in_the_journal_may_be_one_of_another_journal() -> None:
    """Design 6, rule 2: that is looked at right away, not at the end of the minute."""
    it = await materializing(4)
    it.rig.servers.broker.journal.delete()
    await (await a_rig(servers=it.rig.servers)).append(a_put(10))
    it.rig.journal.read_from(1, 2)
    with pytest.raises(ExceptionGroup) as caught:
        await it.life

    assert caught.group_contains(JournalReplacedError)
    assert now_s() < 1


@in_virtual_time
async def test_a_view_that_becomes_worthless_while_it_is_written_is_not_good_afterwards() -> None:
    """The journal is read no more for it: it would serve, and lag for ever."""
    it = await materializing(4)
    load_id = it.rig.database.positions[1].load_id
    gate = it.rig.storage.faults.hold("commit")
    await it.rig.append(a_put(7))
    await gate.reached.wait()
    it.rig.journal.stop_reading([1])
    it.rig.journal.faults.fail("take", OutOfRangeError(1))
    await it.until(lambda: not it.rig.journal.faults._next["take"])
    gate.open()
    await it.until(lambda: it.rig.database.positions.get(1, a_position(load_id=load_id)).load_id != load_id)
    await it.rig.append(a_put(10))
    await it.until(it.is_current)

    assert it.rig.values == [4, 7, 10]


@in_virtual_time
async def test_a_class_whose_load_falls_out_of_range_is_loaded_again() -> None:
    rig = await a_rig()
    await rig.append(a_put(4))
    rig.place(1)
    it = Materializing(rig)
    gate = rig.journal.faults.hold("take")
    rig.journal.faults.fail("take", OutOfRangeError(1))
    await it.until(lambda: 1 in rig.journal.reading)
    rig.journal.stop_reading([1])
    gate.open()
    await it.until(lambda: 1 in rig.custody.answering)

    assert rig.values == [4]


@pytest.mark.parametrize(
    ("port", "call", "error"),
    [
        ("storage", "look", SlotLostError(0)),
        ("storage", "clear", RemovalUnknownError()),
        ("storage", "commit", RemovalUnknownError()),
        ("journal", "open", JournalReplacedError()),
        ("storage", "commit", SlotLostError(0)),
    ],
)
@in_virtual_time
async def test_what_no_look_can_mend_ends_the_task(port: str, call: str, error: FactorsvcError) -> None:
    """ADR 2: the claim is over, or must be fenced before anything else is written."""
    rig = await a_rig()
    (rig.journal if port == "journal" else rig.storage).faults.fail(call, error)
    rig.place(0, 1, 2)
    it = Materializing(rig)
    with pytest.raises(ExceptionGroup) as caught:
        await it.life

    assert caught.group_contains(type(error))
    assert it_is_about(0)
    if call != "open":
        assert rig.storage.faults.calls[-1] == call, "and nothing is written any more"
