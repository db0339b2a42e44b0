"""Loading a class from the journal's beginning: whole, a few at a time, and never answered from before (rule 5)."""

from tests.builders import NOW_MS, a_batch, a_put, an_entry, present_of
from tests.unit.application.building import CLASSES, in_virtual_time, running, settled
from tests.unit.application.loading import MANY, loading


@in_virtual_time
async def test_a_loaded_class_holds_what_the_journal_says() -> None:
    """P4: and is read on from where the load ended."""
    puts = [a_put(value) for value in MANY]
    it = await loading(*puts)
    await it.until_loaded(1)

    assert it.rig.database.presents_of(MANY, CLASSES) == {put.value: present_of(put) for put in puts}
    assert it.rig.custody.answering == {1}
    position = it.rig.database.positions[1]
    assert it.rig.custody[1].position == position
    assert (position.next_offset, position.verified_at_ms) == (5, NOW_MS)
    assert it.rig.journal.reading == {1: 5}
    assert it.rig.database.journal_id == it.rig.work.facts.journal_id


@in_virtual_time
async def test_a_class_without_values_is_loaded_too() -> None:
    it = await loading()
    await it.until_loaded(1)

    assert it.rig.database.positions[1].next_offset == 0


@in_virtual_time
async def test_each_load_has_an_id_of_its_own() -> None:
    """Rule 5: so a class that was dropped and loaded again under a slow reader is noticed."""
    it = await loading(a_put(4))
    await it.until_loaded(1)
    first = it.rig.database.positions[1].load_id
    it.rig.custody.reject(1)
    await it.until_loaded(1)

    assert it.rig.database.positions[1].load_id != first


@in_virtual_time
async def test_what_is_left_of_an_earlier_view_is_cleared_first() -> None:
    """Rule 5: garbage of a class, whoever left it, does not come back to life."""
    it = await loading(a_put(4))
    await it.rig.load(1)
    values = {value: present_of(a_put(value)) for value in (10, 13, 16)}
    for present in values.values():
        it.rig.database._put(1, present)
    await it.rig.storage.inner.forget([1])
    await it.until_loaded(1)

    assert it.rig.values == [4]


@in_virtual_time
async def test_nothing_is_answered_before_all_is_there() -> None:
    """P5: the position comes with the last transaction, so a half-made load is worth nothing to anybody."""
    it = await loading(*map(a_put, MANY))
    seen = []
    while not it.rig.custody.answering:
        seen.append((len(it.rig.values), 1 in it.rig.database.positions))
        await it.turn()

    assert [values for values, _ in seen if values] == [2, 4, 5]
    assert [values for values, is_positioned in seen if is_positioned] == [5]


@in_virtual_time
async def test_the_dead_that_were_met_are_buried_before_the_first_write() -> None:
    """Rule 5: superseded and void puts, in the order of their death; those with a tombstone are in peace already."""
    superseded, buried, void, present = a_put(4), a_put(7), a_put(10, append_by_ms=NOW_MS - 1), a_put(4)
    it = await loading(superseded, buried, void, present, a_put(7))
    await it.rig.journal.inner.bury([buried.key])
    gate = it.rig.journal.faults.hold("bury")
    ending = running(it.until_loaded(1))
    await gate.reached.wait()
    assert it.rig.values == []
    assert it.rig.servers.buried == [buried.key]

    gate.open()
    await ending
    assert it.rig.servers.buried == [buried.key, void.key, superseded.key]
    assert it.rig.values == [4, 7]


@in_virtual_time
async def test_an_expired_value_is_loaded_for_the_sweeper() -> None:
    """Rule 5: it is hidden, and buried when its time has come."""
    it = await loading(a_put(4, expires_at_ms=NOW_MS - 1))
    await it.until_loaded(1)

    assert it.rig.values == [4]
    assert it.rig.servers.buried == []
    assert await it.rig.storage.inner.expired([1], NOW_MS, 10) == [4]


@in_virtual_time
async def test_what_comes_after_the_load_began_is_read_later_or_with_it() -> None:
    """In any case once: the load ends at the end of what it has read."""
    it = await loading(*map(a_put, MANY))
    await it.loader.step()
    await it.rig.append(a_put(19))
    await it.until_loaded(1)

    assert it.rig.custody[1].position == it.rig.database.positions[1]
    assert it.rig.journal.reading[1] == it.rig.database.positions[1].next_offset >= 5


@in_virtual_time
async def test_so_many_classes_are_loaded_at_a_time() -> None:
    """Each is held in memory. Those that were begun are seen through before another one is begun."""
    it = await loading(a_put(4), a_put(2))
    await it.place(1, 2)
    await it.loader.step()
    await it.place(0, 1, 2)
    await it.loader.step()
    assert set(it.rig.database.loading) == {1, 2}

    await it.until_loaded(0, 1, 2)


@in_virtual_time
async def test_classes_beyond_that_number_have_their_turn() -> None:
    it = await loading(a_put(6), a_put(4), a_put(2))
    await it.place(0, 1, 2)
    await it.loader.step()
    assert set(it.rig.database.loading) == {0, 1}

    await it.until_loaded(0, 1, 2)
    assert it.rig.values == [2, 4, 6]


@in_virtual_time
async def test_a_hole_in_what_was_read_is_read_again() -> None:
    it = await loading(*map(a_put, MANY))
    await it.loader.step()
    await it.loader.step()
    assert it.is_reading
    it.rig.journal.reading.clear()
    it.loader.take(a_batch([an_entry(a_put(4), offset=2)], class_id=1))
    assert it.is_reading

    await it.until_loaded(1)
    assert it.rig.values == list(MANY)


@in_virtual_time
async def test_what_is_read_of_other_classes_is_not_for_a_load() -> None:
    """Nor what is left over from an earlier reading of a class whose load does not read."""
    it = await loading(a_put(4))
    it.loader.take(a_batch([an_entry(a_put(2))], class_id=2))
    it.loader.take(a_batch([an_entry(a_put(7))], class_id=1))
    await it.until(lambda: 1 in it.rig.database.positions)
    it.loader.take(a_batch([an_entry(a_put(10), offset=1)], class_id=1))
    await it.until_loaded(1)

    assert it.rig.values == [4]


@in_virtual_time
async def test_a_loader_is_busy_unless_it_waits_for_the_journal() -> None:
    it = await loading(a_put(4))
    assert it.loader.busy, "a load is to begin"

    await it.loader.step()
    assert it.is_reading
    assert not it.loader.busy

    await it.read()
    await it.loader.step()
    assert it.loader.busy, "it writes"
    await it.until_loaded(1)
    assert not it.loader.busy


@in_virtual_time
async def test_a_commit_that_was_taken_shows_that_there_is_room() -> None:
    """Design 10."""
    it = await loading()
    it.rig.custody.set_full(True)
    await it.loader.step()
    await settled()

    assert not it.rig.custody.full
