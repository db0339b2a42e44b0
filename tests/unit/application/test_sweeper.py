"""Removing the long expired and the garbage, in an order in which nothing is lost or comes back (design 6)."""

import asyncio

import pytest

from factorsvc.application.sweeper import Sweeper
from factorsvc.domain.applying import Verification
from factorsvc.domain.errors import (
    FactorsvcError,
    JournalUnavailableError,
    RemovalUnknownError,
    StorageConflictError,
    StorageUnavailableError,
)
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.record import Put
from tests.builders import NOW_MS, a_put, present_of
from tests.unit.application.building import CLASSES, POLICY, Rig, a_rig, in_virtual_time, now_ms, running

BURY_AFTER_MS = round(POLICY.bury_after_s * 1000)


def expiring(value: int, after_ms: int = 1_000) -> Put:
    """A put that expires `after_ms` after the test has begun."""
    return a_put(value, expires_at_ms=NOW_MS + after_ms)


async def holding(*puts: Put, for_s: float = 0) -> Rig:
    """A replica that serves `puts` and has done nothing else for a while."""
    rig = await a_rig()
    await rig.serve(*puts)
    await asyncio.sleep(for_s)
    return rig


@in_virtual_time
async def test_without_anything_expired_nothing_is_done() -> None:
    rig = await holding(a_put(6), expiring(4), for_s=1 + POLICY.bury_after_s)
    del rig.storage.faults.calls[:]

    assert not await Sweeper(rig.work).sweep()
    assert rig.values == [4, 6], "expired, but not long enough to be below the margin for clocks"
    assert rig.storage.faults.calls == ["expired"]


@in_virtual_time
async def test_what_expired_a_while_ago_is_buried_and_removed() -> None:
    """Design 6, rule 1; what lives for ever or expires later stays."""
    long_gone = expiring(4)
    rig = await holding(a_put(6), long_gone, expiring(7, after_ms=5_000), for_s=62)

    assert not await Sweeper(rig.work).sweep()
    assert rig.servers.buried == [long_gone.key]
    assert rig.values == [6, 7]
    assert not await Sweeper(rig.work).sweep()


@in_virtual_time
async def test_a_sweep_is_bounded_and_says_that_there_is_more() -> None:
    """Design 7: no transaction holds the database up for long. The earliest go first."""
    rig = await holding(expiring(4), expiring(8, 900), expiring(2, 800), for_s=62)
    sweeper = Sweeper(rig.work)

    assert await sweeper.sweep()
    assert rig.values == [4]
    assert not await sweeper.sweep()
    assert rig.values == []


@in_virtual_time
async def test_only_classes_that_are_answered_for_are_swept() -> None:
    """Whoever holds the others sweeps them."""
    rig = await holding(expiring(6), expiring(4), for_s=62)
    rig.place(1, 2)
    rig.custody.succeed(0)
    await Sweeper(rig.work).sweep()

    assert rig.values == [6]


@in_virtual_time
async def test_nothing_is_removed_that_is_not_buried() -> None:
    """Design 6, rule 1: else a later put's tombstone could survive in the log while this one comes back."""
    rig = await holding(expiring(4), for_s=62)
    rig.journal.faults.fail("bury", JournalUnavailableError())
    with pytest.raises(JournalUnavailableError):
        await Sweeper(rig.work).sweep()

    assert rig.values == [4]


@in_virtual_time
async def test_what_was_posted_again_meanwhile_stays() -> None:
    """Design 6, rule 4: the sweeper looks twice, and removes only what it has buried."""
    rig = await holding(expiring(4), for_s=62)
    gate = rig.journal.faults.hold("bury")
    sweeping = running(Sweeper(rig.work).sweep())
    await gate.reached.wait()
    again = present_of(a_put(4))
    snapshot = await rig.storage.inner.look([1], [4])
    await rig.storage.inner.commit(snapshot, Change(presents={4: again}))
    gate.open()
    await sweeping

    assert rig.values == [4]
    assert rig.database.presents_of([4], CLASSES) == {4: again}


@pytest.mark.parametrize("error", [StorageConflictError(), StorageUnavailableError(), RemovalUnknownError()], ids=type)
@in_virtual_time
async def test_what_happens_to_a_removal_is_for_the_task_to_know(error: FactorsvcError) -> None:
    """ADR 2. What was buried and not removed is hidden, and swept again."""
    rig = await holding(expiring(4), for_s=62)
    rig.storage.faults.fail("remove", error)
    sweeper = Sweeper(rig.work)
    with pytest.raises(type(error)):
        await sweeper.sweep()
    assert rig.values == [4]

    await sweeper.sweep()
    assert rig.values == []
    assert len(set(rig.servers.buried)) == 1


@in_virtual_time
async def test_a_full_database_is_swept_too() -> None:
    """Design 7: that is what makes room again."""
    rig = await holding(expiring(4), for_s=62)
    rig.servers.redis.full = True
    await Sweeper(rig.work).sweep()

    assert rig.values == []


@in_virtual_time
async def test_a_hint_without_a_value_is_removed() -> None:
    """A removal may have been cut short between the two."""
    rig = await holding(expiring(4), for_s=62)
    rig.database.drop_values(1, [4])
    await Sweeper(rig.work).sweep()

    assert await rig.storage.inner.expired([1], now_ms(), 10) == []
    assert rig.servers.buried == []


@in_virtual_time
async def test_a_hint_is_only_a_hint() -> None:
    """Design 7: the state decides. What lives is neither buried nor removed."""
    living = a_put(4)
    rig = await holding(living, expiring(7), for_s=62)
    rig.database._hints[1].set(4, NOW_MS)
    await Sweeper(rig.work).sweep()

    assert rig.values == [4]
    assert living.key not in rig.servers.buried


@in_virtual_time
async def test_a_sweep_by_a_view_that_had_all_is_not_noted() -> None:
    """ADR 1: verified after the expiry, the value was gone from then on, and no reader misses it."""
    rig = await holding(expiring(4), for_s=62)
    rig.custody.verifications = {1: Verification(NOW_MS + 1_000, 1)}
    await Sweeper(rig.work).sweep()

    assert rig.values == []
    assert rig.custody[1].swept_ms == 0


@in_virtual_time
async def test_a_sweep_by_a_view_that_may_lack_something_is_noted() -> None:
    """ADR 1: the next put of the value may be in the journal since before the expiry, and a reader would miss it."""
    rig = await holding(expiring(4), for_s=62)
    rig.custody.verifications = {1: Verification(NOW_MS + 999, 1)}
    await Sweeper(rig.work).sweep()

    assert rig.custody[1].swept_ms == NOW_MS + 62_000 - BURY_AFTER_MS


@in_virtual_time
async def test_a_sweep_is_noted_before_anything_is_removed() -> None:
    """ADR 1: whoever reads in between is refused rather than given too little."""
    rig = await holding(expiring(4), for_s=62)
    gate = rig.storage.faults.hold("remove")
    sweeping = running(Sweeper(rig.work).sweep())
    await gate.reached.wait()
    assert rig.values == [4]
    assert rig.custody[1].swept_ms > 0

    gate.open()
    await sweeping


@in_virtual_time
async def test_a_view_that_is_gone_by_the_second_look_has_no_reader() -> None:
    rig = await holding(expiring(4), for_s=62)
    gate = rig.journal.faults.hold("bury")
    sweeping = running(Sweeper(rig.work).sweep())
    await gate.reached.wait()
    rig.database.wipe()
    gate.open()
    await sweeping

    assert rig.custody[1].swept_ms == 0


@in_virtual_time
async def test_without_garbage_nothing_is_cleared() -> None:
    rig = await holding(a_put(6))
    rig.custody.garbage.clear()

    assert not await Sweeper(rig.work).clear_garbage()
    assert rig.values == [6]


@in_virtual_time
async def test_garbage_loses_its_positions_first_and_is_cleared_in_pieces() -> None:
    """Design 7: from then on what is left is garbage to a next start too. Nothing else is touched."""
    rig = await holding(*map(a_put, (6, 12, 18, 4, 2)))
    rig.journal.read_from(0, 4)
    rig.place(2)
    rig.custody.succeed(0)
    rig.custody.succeed(1)
    sweeper = Sweeper(rig.work)

    assert await sweeper.clear_garbage()
    assert set(rig.database.positions) == {2}
    assert rig.journal.reading == {}
    assert len(rig.values) == 5 - POLICY.transaction_values
    while await sweeper.clear_garbage():
        pass
    assert rig.values == [2]
    assert rig.custody.garbage == set()


@in_virtual_time
async def test_garbage_that_could_not_be_cleared_stays_on_the_list() -> None:
    rig = await holding(a_put(6))
    rig.place(1, 2)
    rig.custody.succeed(0)
    sweeper = Sweeper(rig.work)
    for call, error in (("forget", StorageUnavailableError()), ("clear", RemovalUnknownError())):
        rig.storage.faults.fail(call, error)
        with pytest.raises(type(error)):
            await sweeper.clear_garbage()
        assert rig.custody.garbage == {0}

    while await sweeper.clear_garbage():
        pass
    assert rig.values == []
