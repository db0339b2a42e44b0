"""The one task that writes a view: it keeps it up with the journal, in bounded steps (design 6 to 8)."""

import asyncio

from factorsvc.domain.class_life import ClassLife
from tests.builders import a_put, present_of
from tests.unit.application.building import (
    CLASSES,
    POLICY,
    a_rig,
    in_virtual_time,
    now_s,
)
from tests.unit.application.materializing import Materializing, materializing


@in_virtual_time
async def test_a_view_is_restored_and_kept_up() -> None:
    it = await materializing(6, 4)
    assert it.rig.values == [4, 6]

    await it.rig.append(a_put(10), a_put(2))
    await it.until(it.is_current)
    assert it.rig.values == [2, 4, 6, 10]


@in_virtual_time
async def test_the_superseded_are_buried_before_their_successor_is_applied() -> None:
    """Design 6, rule 1."""
    first, second = a_put(4), a_put(4)
    it = await materializing()
    await it.rig.append(first)
    await it.until(it.is_current)
    gate = it.rig.journal.faults.hold("bury")
    await it.rig.append(second)
    await gate.reached.wait()
    assert it.rig.database.presents_of([4], CLASSES) == {4: present_of(first)}

    gate.open()
    await it.until(it.is_current)
    assert it.rig.database.presents_of([4], CLASSES) == {4: present_of(second)}
    assert it.rig.servers.buried == [first.key]


@in_virtual_time
async def test_a_transaction_is_bounded() -> None:
    """Design 7: it holds the database for each value in it."""
    it = await materializing()
    commits = it.rig.storage.faults.calls.count("commit")
    await it.rig.append(*[a_put(value) for value in (4, 7, 10, 13, 16)])
    await it.until(it.is_current)

    assert it.rig.storage.faults.calls.count("commit") == commits + 3


@in_virtual_time
async def test_what_was_applied_already_costs_no_transaction() -> None:
    it = await materializing(4)
    commits = it.rig.storage.faults.calls.count("commit")
    position = it.rig.database.positions[1]
    it.rig.journal.read_from(1, 0)
    await asyncio.sleep(1)

    assert it.rig.storage.faults.calls.count("commit") == commits
    assert it.rig.database.positions[1] == position


@in_virtual_time
async def test_doubt_is_settled_at_once() -> None:
    """A reader waits for it."""
    it = await materializing(4)
    it.rig.custody.doubt([1])
    await it.until(lambda: not it.rig.custody.doubtful)

    assert now_s() < 0.1


@in_virtual_time
async def test_an_idle_replica_is_idle() -> None:
    """Nothing is polled but what is due each second."""
    it = await materializing(4)
    calls = len(it.rig.storage.faults.calls)
    await asyncio.sleep(50)

    assert len(it.rig.storage.faults.calls) - calls <= 2 * 50
    assert it.rig.journal.faults.calls.count("open") <= 2


@in_virtual_time
async def test_the_journal_is_read_no_further_than_can_be_applied() -> None:
    """Bounded memory: two takes wait, a third one waits to wait."""
    it = await materializing()
    gate = it.rig.storage.faults.hold("commit")
    for value in range(1, 3 * 20, 3):
        await it.rig.append(a_put(value))
        await asyncio.sleep(0.01)
    await gate.reached.wait()
    takes = it.rig.journal.faults.calls.count("take")
    await asyncio.sleep(60)
    assert it.rig.journal.faults.calls.count("take") == takes
    assert takes < 20

    gate.open()
    await it.until(it.is_current)
    assert len(it.rig.values) == 20


@in_virtual_time
async def test_classes_come_and_go() -> None:
    it = await materializing(6, 4, 2)
    it.rig.place(1)
    await it.until(lambda: it.rig.custody.living(ClassLife.RETIRING) == {0, 2})
    await it.rig.append(a_put(12))
    await it.until(lambda: 12 in it.rig.values)
    await asyncio.sleep(POLICY.drain_deadline_s + 1)
    assert it.rig.values == [4]
    assert it.rig.custody.answering == {1}

    it.rig.place(0, 1, 2)
    await it.until(it.is_current)
    assert it.rig.values == [2, 4, 6, 12]


@in_virtual_time
async def test_a_commit_that_comes_too_late_for_its_class_is_cleared() -> None:
    """The class left while its batch was being written."""
    rig = await a_rig()
    await rig.append(a_put(4))
    await rig.load(1)
    await rig.append(a_put(7))
    rig.place(1)
    it = Materializing(rig)
    gate = rig.storage.faults.hold("commit")
    await gate.reached.wait()
    rig.place()
    gate.open()
    await it.until(lambda: rig.values == [])

    assert rig.database.positions == {}
    assert rig.custody[1].life is ClassLife.ABSENT


@in_virtual_time
async def test_a_view_that_was_found_and_is_not_wanted_is_cleared() -> None:
    """Once the placement has said so: until then it may be of use."""
    rig = await a_rig(found=[0, 1])
    await rig.append(a_put(6), a_put(4))
    await rig.load(0, 1)
    it = Materializing(rig)
    await asyncio.sleep(5)
    assert rig.values == [4, 6]

    rig.place(1)
    await it.until(lambda: rig.values == [4] and not rig.custody.garbage)
    assert set(rig.database.positions) == {1}
