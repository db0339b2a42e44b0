"""Loading a class from the journal's beginning: whole or not at all, whatever happens between two steps (rule 5)."""

import asyncio
from collections.abc import Callable

import pytest

from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.view_opener import ViewOpener
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.errors import (
    FactorsvcError,
    JournalUnavailableError,
    StorageConflictError,
    StorageFullError,
    StorageUnavailableError,
)
from factorsvc.domain.record import Put
from tests.builders import NOW_MS, a_batch, a_put, an_entry, present_of
from tests.unit.application.building import CLASSES, Rig, Servers, a_rig, in_virtual_time, running, settled

MANY = (4, 7, 10, 13, 16)
"""Values of class 1, for three transactions."""


class Loading:
    """A loader that takes its steps when the test says so."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.loader = ColdLoader(rig.work)
        self._opener = ViewOpener(rig.work)

    async def place(self, *classes: int) -> None:
        """Have these classes placed here, and those found worthless of which there is no view."""
        self.rig.place(*classes)
        await self._opener.step()

    async def read(self) -> None:
        """Give the loader what there is in the journal."""
        for batch in await self.rig.journal.take(1_000, 0):
            self.loader.take(batch)

    async def turn(self) -> None:
        """One turn of what the task does."""
        await self.read()
        await self._opener.step()
        await self.loader.step()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Go on until `condition` holds."""
        for _ in range(50):
            if condition():
                return
            await self.turn()
        raise AssertionError("it never does")

    async def until_loaded(self, *classes: int) -> None:
        """Go on until these classes, and no others, have a view to go on with."""
        await self.until(lambda: set(self.rig.custody.load_ids) == set(classes))

    @property
    def is_reading(self) -> bool:
        """Tell whether the journal of class 1 is read from its beginning."""
        return self.rig.journal.reading.get(1) == 0


async def loading(*puts: Put, servers: Servers | None = None) -> Loading:
    """A replica to which class 1 was given, with nothing in its database."""
    rig = await a_rig(servers=servers)
    await rig.append(*puts)
    it = Loading(rig)
    await it.place(1)
    return it


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


@pytest.mark.parametrize("moment", ["reading", "writing"])
@in_virtual_time
async def test_a_load_that_was_wiped_begins_again(moment: str) -> None:
    """P4: acknowledged chunks are gone, so the rest of them would be a view with holes."""
    it = await loading(*map(a_put, MANY))
    await it.loader.step()
    if moment == "writing":
        await it.until(lambda: len(it.rig.values) == 2)
    it.rig.database.wipe()
    await it.until_loaded(1)

    assert it.rig.values == list(MANY)


@in_virtual_time
async def test_a_load_over_a_new_connection_begins_again() -> None:
    """Rule 3: a server that was restarted may have lost what it had acknowledged."""
    it = await loading(*map(a_put, MANY))
    await it.until(lambda: len(it.rig.values) == 2)
    first = it.rig.database.loading[1]
    it.rig.storage.inner._writer.cut()  # type: ignore[attr-defined]
    await it.until(lambda: it.rig.database.loading.get(1, first) != first)
    await it.until_loaded(1)

    assert it.rig.values == list(MANY)


@in_virtual_time
async def test_a_load_that_took_too_long_begins_again() -> None:
    """Rule 2: tombstones may have been dropped that were appended after its beginning had been read."""
    servers = Servers()
    servers.broker.journal.retention_ms = 40_000
    it = await loading(*map(a_put, MANY), servers=servers)
    await it.until(lambda: len(it.rig.values) == 2)
    await asyncio.sleep(20.1)
    await it.until_loaded(1)

    assert it.rig.database.positions[1].verified_at_ms == NOW_MS + 20_100
    assert it.rig.values == list(MANY)


@in_virtual_time
async def test_a_class_that_moves_away_is_loaded_no_further() -> None:
    it = await loading(*map(a_put, MANY))
    await it.loader.step()
    assert it.is_reading
    it.rig.place()
    await it.loader.step()

    assert it.rig.journal.reading == {}
    assert not it.loader.busy
    assert it.rig.custody.garbage == {1}


@in_virtual_time
async def test_a_class_that_moves_away_and_comes_back_is_loaded_anew() -> None:
    """P7: two rebalances within one turn. Nobody reads the journal for the load that was under way any more."""
    it = await loading(*map(a_put, MANY))
    await it.loader.step()
    it.rig.place()
    await it.place(1)
    assert not it.is_reading
    assert it.loader.busy

    await it.until_loaded(1)
    assert it.rig.values == list(MANY)


@in_virtual_time
async def test_a_load_whose_reading_failed_begins_again() -> None:
    """As when the journal was cut off under it: the class is rejected, and read no more."""
    it = await loading(*map(a_put, MANY))
    await it.loader.step()
    it.rig.journal.stop_reading([1])
    it.rig.custody.reject(1)
    assert it.loader.busy

    await it.until_loaded(1)
    assert it.rig.values == list(MANY)


@in_virtual_time
async def test_a_load_that_is_given_up_leaves_the_reading_of_an_opened_view_alone() -> None:
    """The load was whole already, and the view found so when the class came back."""
    it = await loading(*map(a_put, MANY))
    await it.until(lambda: 1 in it.rig.database.positions)
    it.rig.place()
    await it.place(1)
    assert it.rig.custody.answering == {1}
    await it.loader.step()

    assert it.rig.journal.reading == {1: 5}


@in_virtual_time
async def test_a_class_that_leaves_at_the_last_moment_is_not_served() -> None:
    it = await loading(a_put(4))
    await it.until(lambda: 1 in it.rig.database.positions)
    gate = it.rig.journal.faults.hold("end_offsets")
    ending = running(it.loader.step())
    await gate.reached.wait()
    it.rig.place()
    gate.open()
    await ending

    assert it.rig.custody.answering == set()
    assert it.rig.custody.garbage == {1}


@in_virtual_time
async def test_a_class_that_leaves_before_its_load_begins_is_let_be() -> None:
    """It was wanted when the step began."""
    it = await loading()
    await it.place(1, 2)
    gate = it.rig.storage.faults.hold("forget")
    stepping = running(it.loader.step())
    await gate.reached.wait()
    it.rig.place(1)
    gate.open()
    await stepping
    await it.until_loaded(1)

    assert it.rig.custody[2].life is ClassLife.ABSENT
    assert set(it.rig.journal.reading) == {1}


@pytest.mark.parametrize(
    ("port", "call", "error"),
    [
        ("storage", "forget", StorageUnavailableError()),
        ("storage", "clear", StorageUnavailableError()),
        ("storage", "look", StorageUnavailableError()),
        ("storage", "commit", StorageConflictError()),
        ("storage", "commit", StorageFullError()),
        ("storage", "commit", StorageUnavailableError()),
        ("journal", "end_offsets", JournalUnavailableError()),
        ("journal", "bury", JournalUnavailableError()),
    ],
)
@pytest.mark.parametrize("passes", [0, 1, 2])
@in_virtual_time
async def test_a_load_that_failed_begins_again(port: str, call: str, error: FactorsvcError, passes: int) -> None:
    """ADR 2: at whichever call of its kind; what the load has done so far is cleared."""
    it = await loading(*map(a_put, MANY), a_put(4))
    faults = (it.rig.journal if port == "journal" else it.rig.storage).faults
    for _ in range(passes):
        faults.lose_answer(call, error)
    faults.fail(call, error)
    failed = 0
    while not it.rig.custody.load_ids:
        try:
            await it.turn()
        except type(error):
            failed += 1
        assert failed <= passes + 1

    assert failed == passes + 1
    assert it.rig.values == list(MANY)
    assert it.rig.journal.reading == {1: it.rig.database.positions[1].next_offset}


@in_virtual_time
async def test_a_load_that_is_cancelled_ends() -> None:
    it = await loading(a_put(4))
    gate = it.rig.storage.faults.hold("look")
    stepping = running(it.loader.step())
    await gate.reached.wait()
    stepping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stepping


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
