"""Loads that are lost under way, by whatever happens between two steps, and begin again (rule 5, ADR 2)."""

import asyncio

import pytest

from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.errors import (
    FactorsvcError,
    JournalUnavailableError,
    StorageConflictError,
    StorageFullError,
    StorageUnavailableError,
)
from tests.builders import NOW_MS, a_put
from tests.unit.application.building import Servers, in_virtual_time, running
from tests.unit.application.loading import MANY, loading


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
    it = await loading(a_put(4), a_put(2))
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
