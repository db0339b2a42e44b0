"""Classes in doubt: the stored position decides, judged by the journal (design 6, rules 2 and 3)."""

import pytest

from factorsvc.application.view_opener import ViewOpener
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.errors import FactorsvcError, JournalUnavailableError, SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.storage import Change
from tests.builders import NOW_MS, a_position, a_put
from tests.unit.application.building import POLICY, Rig, a_rig, in_virtual_time, running, settled


async def stored(*puts: int) -> Rig:
    """A replica whose database holds all classes, and to which none is placed yet."""
    rig = await a_rig()
    await rig.append(*map(a_put, puts))
    await rig.load(0, 1, 2)
    return rig


@in_virtual_time
async def test_without_doubt_nothing_is_asked() -> None:
    rig = await stored(6)
    await ViewOpener(rig.work).step()

    assert rig.storage.faults.calls == []
    assert "end_offsets" not in rig.journal.faults.calls


@in_virtual_time
async def test_a_good_view_goes_on_where_it_is() -> None:
    rig = await stored(4, 10)
    rig.place(1, 2)
    await ViewOpener(rig.work).step()

    assert rig.custody.answering == {1, 2}
    assert rig.custody[1].position == rig.database.positions[1]
    assert rig.journal.reading == {1: 2, 2: 0}
    assert rig.custody.doubtful == set()


@in_virtual_time
async def test_a_view_that_is_behind_serves_once_it_has_reached_the_end_as_of_now() -> None:
    """Design 8."""
    rig = await stored(4)
    await rig.append(a_put(10))
    rig.place(1)
    await ViewOpener(rig.work).step()
    assert rig.custody[1].life is ClassLife.RESTORING
    assert rig.journal.reading == {1: 1}

    rig.custody.store({1: a_position(next_offset=2)})
    assert rig.custody.answering == {1}


@in_virtual_time
async def test_a_view_that_does_not_exist_is_made() -> None:
    rig = await a_rig()
    rig.place(1)
    await ViewOpener(rig.work).step()

    assert rig.custody.unloaded == [1]
    assert rig.journal.reading == {}


@in_virtual_time
async def test_a_view_of_another_journal_is_worthless() -> None:
    """Design 6, rule 2: its offsets mean something else."""
    rig = await stored(4)
    await rig.storage.inner.commit(await rig.storage.inner.look([]), Change(journal_id=b"another"))
    rig.place(1)
    await ViewOpener(rig.work).step()

    assert rig.custody.unloaded == [1]


@in_virtual_time
async def test_a_view_beyond_the_end_is_worthless() -> None:
    """Design 6, rule 2."""
    rig = await stored(4)
    await rig.storage.inner.commit(await rig.storage.inner.look([]), Change(positions={1: a_position(next_offset=2)}))
    rig.place(1)
    await ViewOpener(rig.work).step()

    assert rig.custody.unloaded == [1]


@in_virtual_time
async def test_an_old_view_is_worthless() -> None:
    """Design 6, rule 2: tombstones that it has not seen may be gone."""
    rig = await a_rig()
    half_ms = rig.work.facts.retention_ms // 2
    await rig.load(1, verified_at_ms=NOW_MS - half_ms)
    await rig.load(2, verified_at_ms=NOW_MS - half_ms - 1)
    rig.place(1, 2)
    await ViewOpener(rig.work).step()

    assert rig.custody.answering == {1}
    assert rig.custody.unloaded == [2]


@in_virtual_time
async def test_a_worthless_view_is_read_no_further() -> None:
    rig = await stored(4)
    await rig.serve()
    rig.journal.read_from(1, 1)
    rig.database.wipe()
    rig.custody.doubt([1])
    await ViewOpener(rig.work).step()

    assert rig.journal.reading == {}
    assert rig.custody.answering == {0, 2}


@in_virtual_time
async def test_a_class_that_moves_away_while_it_is_looked_at_is_left_alone() -> None:
    rig = await stored(4)
    rig.place(1, 2)
    gate = rig.storage.faults.hold("look")
    opening = running(ViewOpener(rig.work).step())
    await gate.reached.wait()
    rig.place(2)
    gate.open()
    await opening

    assert rig.custody[1].life is ClassLife.ABSENT
    assert rig.journal.reading == {2: 0}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("end_offsets", JournalUnavailableError()),
        ("look", StorageUnavailableError()),
        ("look", SlotLostError(0)),
    ],
)
@in_virtual_time
async def test_what_cannot_be_looked_at_stays_in_doubt(call: str, error: FactorsvcError) -> None:
    """ADR 2: the next turn begins with it again."""
    rig = await stored(4)
    rig.place(1)
    for faults in (rig.journal.faults, rig.storage.faults):
        faults.fail(call, error)
    opener = ViewOpener(rig.work)
    with pytest.raises(type(error)):
        await opener.step()
    await settled()
    assert rig.custody.doubtful == {1}
    assert rig.custody.answering == set()

    await opener.step()
    assert rig.custody.answering == {1}


@in_virtual_time
async def test_who_held_the_view_before_may_have_swept_it() -> None:
    """ADR 1: so questions as of a time before what it may have removed are refused."""
    rig = await stored(4)
    rig.place(1)
    await ViewOpener(rig.work).step()

    assert rig.custody[1].swept_ms == NOW_MS - POLICY.bury_after_s * 1000
