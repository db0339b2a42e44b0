"""What is done every second, whether or not anything came: verify, recheck, sweep, let go, count (design 6 and 8)."""

import asyncio

import pytest

from factorsvc.application.handover import Handover
from factorsvc.application.housekeeping import Housekeeping
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.sweeper import Sweeper
from factorsvc.domain.applying import Verification
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.errors import (
    FactorsvcError,
    JournalMismatchError,
    JournalReplacedError,
    JournalUnavailableError,
    RemovalUnknownError,
    StorageConflictError,
    StorageFullError,
    StorageUnavailableError,
)
from factorsvc.domain.ports.journal import JournalFacts
from factorsvc.domain.record import Put
from tests.builders import NOW_MS, a_put, a_status
from tests.unit.application.building import POLICY, Rig, Servers, a_rig, in_virtual_time, now_s, running

INTERVAL_S = POLICY.verify_interval_s


class House(Housekeeping):
    """The housekeeping of a replica that serves all classes."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.work, Sweeper(rig.work), Handover(rig.work, OpenAnswers(idle_s=10)))
        self.rig = rig

    async def steps(self, for_s: float) -> None:
        """Do what is due, again and again."""
        end = now_s() + for_s
        while now_s() < end:
            await self.step()
            await asyncio.sleep(max(self.due_at - now_s(), 0.001))

    def verified_ms(self, class_id: int) -> int:
        """When the stored view was last seen to have all, after the beginning of the test."""
        position = self.rig.database.positions[class_id]
        assert self.rig.custody[class_id].position == position
        return position.verified_at_ms - NOW_MS


async def a_house(*puts: Put, retention_ms: int = 24 * 3_600_000) -> House:
    servers = Servers()
    servers.broker.journal.retention_ms = retention_ms
    rig = await a_rig(servers=servers)
    await rig.serve(*puts)
    return House(rig)


@in_virtual_time
async def test_what_was_done_is_not_due_for_a_second() -> None:
    house = await a_house()
    await house.step()
    calls = len(house.rig.storage.faults.calls)
    await asyncio.sleep(POLICY.tick_s - 0.01)
    await house.step()
    assert len(house.rig.storage.faults.calls) == calls

    await asyncio.sleep(0.01)
    await house.step()
    assert len(house.rig.storage.faults.calls) > calls


@in_virtual_time
async def test_the_ends_are_learnt_as_of_before_they_were_asked_for() -> None:
    """Design 6, rule 2: a view that has reached them had all there was at that time, and perhaps no more."""
    house = await a_house(a_put(4))
    gate = house.rig.journal.faults.hold("end_offsets")
    stepping = running(house.step())
    await asyncio.sleep(1)
    await house.rig.append(a_put(10))
    gate.open()
    await stepping

    ends = {class_id: house.rig.servers.end(class_id) for class_id in range(3)}
    assert house.rig.custody.verifications == {c: Verification(NOW_MS, end) for c, end in ends.items()}


@in_virtual_time
async def test_that_a_view_has_all_is_stored_about_every_minute() -> None:
    """Design 6, rule 2: else it would be thrown away after a quiet day."""
    house = await a_house(a_put(6), a_put(4))
    await house.steps(INTERVAL_S)
    assert [house.verified_ms(class_id) for class_id in range(3)] == [0, 0, 0]
    assert "commit" not in house.rig.storage.faults.calls

    await house.steps(INTERVAL_S)
    assert all(INTERVAL_S * 1_000 <= house.verified_ms(class_id) <= INTERVAL_S * 1_000 + 2_000 for class_id in range(3))
    assert house.rig.storage.faults.calls.count("commit") == 1


@in_virtual_time
async def test_a_view_that_lacks_something_is_not_verified() -> None:
    house = await a_house(a_put(4))
    await house.rig.append(a_put(10))
    await house.steps(2 * INTERVAL_S)

    assert house.verified_ms(1) == 0
    assert house.verified_ms(2) > 0
    assert house.rig.storage.faults.calls.count("commit") == 1, "nor is it written what is known already"


@in_virtual_time
async def test_a_view_in_doubt_is_not_verified() -> None:
    """Nobody knows how far it is."""
    house = await a_house()
    house.rig.custody.doubt([1])
    await house.steps(2 * INTERVAL_S)

    assert house.verified_ms(1) == 0
    assert house.verified_ms(2) > 0


@in_virtual_time
async def test_a_view_that_is_not_the_one_in_hand_is_doubted() -> None:
    """Design 6, rule 5: made anew, or wiped."""
    house = await a_house()
    await asyncio.sleep(INTERVAL_S + 1)
    await house.rig.load(1, load_id=b"another")
    await house.rig.storage.inner.forget([2])
    await house.step()

    assert house.rig.custody.doubtful == {1, 2}
    assert house.verified_ms(0) > 0


@in_virtual_time
async def test_views_that_are_all_gone_are_not_written() -> None:
    house = await a_house()
    await asyncio.sleep(INTERVAL_S + 1)
    house.rig.database.wipe()
    await house.step()

    assert house.rig.custody.doubtful == {0, 1, 2}
    assert house.rig.database.positions == {}


@in_virtual_time
async def test_a_view_that_was_not_verified_for_too_long_is_made_anew() -> None:
    """Design 6, rule 2: in a running process too, as when the database was full for half a day."""
    house = await a_house(a_put(4), retention_ms=400_000)
    await house.rig.append(a_put(10))
    await house.steps(200)
    assert house.rig.custody.answering == {0, 1, 2}

    await house.steps(2)
    assert house.rig.custody.unloaded == [1]
    assert house.rig.custody.answering == {0, 2}


@in_virtual_time
async def test_a_journal_that_was_made_anew_ends_the_tenure() -> None:
    """Design 6, rule 2: every view is of another one. Looked at about every minute."""
    house = await a_house(a_put(4))
    await house.step()
    house.rig.servers.broker.journal.delete()
    await (await a_rig(servers=house.rig.servers)).journal.open()
    await house.steps(INTERVAL_S - 2)

    with pytest.raises(JournalReplacedError):
        await house.steps(4)


@in_virtual_time
async def test_a_journal_with_other_settings_ends_the_tenure() -> None:
    """An old view is judged by the retention that was read when the journal was opened."""
    house = await a_house()
    house.rig.servers.broker.journal.retention_ms += 1
    with pytest.raises(JournalReplacedError):
        await house.step()

    house = await a_house()
    mismatch = JournalMismatchError("cleanup_policy", "delete", "compact")
    house.rig.journal.faults.fail("open", mismatch)
    with pytest.raises(JournalMismatchError):
        await house.step()


@in_virtual_time
async def test_a_recheck_that_failed_is_made_up_for() -> None:
    house = await a_house()
    house.rig.journal.faults.fail("open", JournalUnavailableError())
    house.rig.journal.faults.answer("open", JournalFacts(b"another", 1))
    with pytest.raises(JournalUnavailableError):
        await house.step()
    with pytest.raises(JournalReplacedError):
        await house.steps(2)


@in_virtual_time
async def test_what_expired_is_swept_until_nothing_is_left() -> None:
    """However much it is: a turn sweeps a bounded part, and the next one follows at once."""
    values = range(2, 2 + 25 * 3, 3)
    house = await a_house(a_put(6), *[a_put(value, expires_at_ms=NOW_MS + 1) for value in values])
    await asyncio.sleep(POLICY.bury_after_s + 1)
    await house.step()
    assert len(house.rig.values) == 1 + 25 - 10 * POLICY.transaction_values
    assert house.due_at <= now_s()

    await house.step()
    assert house.rig.values == [6]
    assert house.due_at > now_s()


@in_virtual_time
async def test_the_values_that_are_answered_for_are_counted() -> None:
    house = await a_house(a_put(6), a_put(4), a_put(10))
    house.rig.place(1, 2)
    house.rig.custody.succeed(0)
    await house.step()

    assert house.rig.custody.values == 2


@in_virtual_time
async def test_a_class_that_is_not_needed_is_let_go() -> None:
    house = await a_house()
    house.rig.place(1, 2, elsewhere=7)
    house.rig.work.map.hear(a_status(7, serving=[0]), now_s())
    await house.steps(POLICY.handover_grace_s + 0.5)

    assert house.rig.custody[0].life is ClassLife.ABSENT


@pytest.mark.parametrize(
    ("port", "call", "error"),
    [
        ("journal", "end_offsets", JournalUnavailableError()),
        ("storage", "look", StorageUnavailableError()),
        ("storage", "commit", StorageUnavailableError()),
        ("storage", "commit", StorageConflictError()),
        ("storage", "commit", StorageFullError()),
        ("storage", "expired", StorageUnavailableError()),
        ("storage", "remove", RemovalUnknownError()),
        ("storage", "sizes", StorageUnavailableError()),
    ],
)
@in_virtual_time
async def test_what_fails_is_for_the_task_to_know_and_done_at_the_next_tick(
    port: str, call: str, error: FactorsvcError
) -> None:
    """ADR 2."""
    house = await a_house(a_put(6), a_put(4, expires_at_ms=NOW_MS + 1))
    await asyncio.sleep(POLICY.bury_after_s + INTERVAL_S)
    (house.rig.journal if port == "journal" else house.rig.storage).faults.fail(call, error)
    with pytest.raises(type(error)):
        await house.step()
    assert now_s() < house.due_at <= now_s() + POLICY.tick_s

    await house.steps(1.5)
    assert house.rig.values == [6]
    assert house.rig.custody.values == 1
    assert house.verified_ms(0) >= (POLICY.bury_after_s + INTERVAL_S) * 1_000


@in_virtual_time
async def test_an_idle_replica_learns_of_room_within_a_tick() -> None:
    """Design 10: with POSTs refused there is nothing to apply, and a quiet cluster would stay full for ever."""
    house = await a_house()
    await house.steps(5)
    house.rig.custody.set_full(True)
    house.rig.servers.redis.full = True
    with pytest.raises(StorageFullError):
        await house.steps(2)
    assert house.rig.custody.full

    house.rig.servers.redis.full = False
    await house.steps(1.5)
    assert not house.rig.custody.full
