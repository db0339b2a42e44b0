"""What becomes of a class that is placed, read, found worthless or succeeded: the lists of work, and who is told."""

from collections.abc import Callable

import pytest

from factorsvc.application.class_custody import ClassCustody
from factorsvc.domain.applying import Verification
from factorsvc.domain.class_life import ClassLife, IllegalTransitionError
from factorsvc.domain.ports.placement import Assignment
from tests.builders import NOW_MS, a_member, a_position
from tests.unit.application.building import in_virtual_time, now_s, running, settled

SLOT, OTHER = 4, 7


def placed(*classes: int, of: int = 3) -> Assignment:
    """A placement that gives `classes` to the slot of these tests."""
    return Assignment(1, {class_id: SLOT if class_id in classes else OTHER for class_id in range(of)})


def a_custody(*classes: int, found: tuple[int, ...] = ()) -> ClassCustody:
    """The custody of three classes of which `classes` are placed here, and restoring."""
    custody = ClassCustody(SLOT, 3, found)
    custody.follow(placed(*classes), now=0)
    return custody


def serving(*classes: int) -> ClassCustody:
    """The same, `classes` serving."""
    custody = a_custody(*classes)
    for class_id in classes:
        custody.resume(class_id, a_position(next_offset=10), target=10)
    return custody


def lives(custody: ClassCustody) -> list[ClassLife]:
    return [custody[class_id].life for class_id in range(custody.classes)]


def test_a_class_that_is_placed_here_is_looked_at_first() -> None:
    """Design 6, rule 3: the stored position decides, so a class begins its life in doubt."""
    custody = a_custody(0)

    assert lives(custody) == [ClassLife.RESTORING, ClassLife.ABSENT, ClassLife.ABSENT]
    assert custody.doubtful == {0}
    assert custody.unloaded == []


def test_a_class_serves_once_it_has_reached_its_target() -> None:
    """Design 8: caught up with the end as it was read after restoring began."""
    custody = a_custody(0)
    custody.resume(0, a_position(next_offset=9), target=10)
    assert custody.answering == set()
    assert custody.doubtful == set()

    custody.store({0: a_position(next_offset=10)})
    assert custody[0].life is ClassLife.SERVING
    assert custody.answering == {0}


def test_a_class_that_moves_away_goes_on_until_it_is_succeeded() -> None:
    """P7: it is answered for by its old holder as long as that is of use; then its view is garbage."""
    custody = serving(0)
    custody.follow(placed(), now=5)
    assert lives(custody)[0] is ClassLife.RETIRING
    assert custody[0].retiring_since == 5
    assert custody.answering == {0}
    assert custody.garbage == set()

    custody.succeed(0)
    assert custody[0].life is ClassLife.ABSENT
    assert custody[0].position is None
    assert custody.answering == set()
    assert custody.garbage == {0}


def test_a_class_that_is_given_back_serves_at_once() -> None:
    custody = serving(0)
    custody.follow(placed(), now=5)
    custody.follow(placed(0), now=6)

    assert custody[0].life is ClassLife.SERVING
    assert custody.doubtful == set()


def test_a_class_that_never_was_whole_is_dropped_when_it_moves_away() -> None:
    custody = a_custody(0)
    custody.follow(placed(), now=5)

    assert custody[0].life is ClassLife.ABSENT
    assert custody.garbage == {0}
    assert custody.doubtful == set()


def test_what_comes_back_before_it_is_cleared_is_no_garbage() -> None:
    custody = serving(0)
    custody.follow(placed(), now=5)
    custody.succeed(0)
    custody.follow(placed(0), now=6)

    assert custody.garbage == set()
    assert custody.doubtful == {0}


def test_a_worthless_view_is_made_anew_where_it_is_wanted() -> None:
    """Design 6, rule 2: from that moment on nothing is answered from it."""
    custody = serving(0)
    custody.reject(0)

    assert custody[0].life is ClassLife.RESTORING
    assert custody[0].position is None
    assert custody.answering == set()
    assert custody.unloaded == [0]


def test_a_worthless_view_is_dropped_where_it_retires() -> None:
    custody = serving(0)
    custody.follow(placed(), now=5)
    custody.reject(0)

    assert custody[0].life is ClassLife.ABSENT
    assert custody.garbage == {0}


def test_a_worthless_view_of_a_class_that_left_is_no_news() -> None:
    custody = a_custody(0)
    custody.reject(1)

    assert custody[1].life is ClassLife.ABSENT
    assert custody.doubtful == {0}


def test_only_what_serves_here_can_be_succeeded() -> None:
    custody = serving(0)

    with pytest.raises(IllegalTransitionError):
        custody.succeed(0)
    assert custody.answering == {0}


def test_doubt_concerns_what_has_a_position() -> None:
    """What has none is looked at or loaded anyway."""
    custody = serving(0, 1)
    custody.reject(1)
    custody.doubt([0, 1, 2])
    assert custody.doubtful == {0}

    custody.resume(0, a_position(), target=10)
    custody.doubt_all()
    assert custody.doubtful == {0}


def test_a_class_in_doubt_is_answered_for_still_but_not_loaded() -> None:
    custody = serving(0)
    custody.doubt([0])

    assert custody.answering == {0}
    assert custody.unloaded == []


def test_what_is_stored_of_a_class_that_left_is_passed_over() -> None:
    """A commit may end after its class was taken away."""
    custody = serving(0)
    custody.follow(placed(), now=5)
    custody.succeed(0)
    custody.store({0: a_position()})
    custody.resume(0, a_position(), target=10)

    assert custody[0].life is ClassLife.ABSENT
    assert custody[0].position is None


def test_a_view_that_was_found_and_is_wanted_is_opened() -> None:
    custody = ClassCustody(SLOT, 3, found=[0, 1])
    assert custody.member(epoch=9) == a_member(SLOT, 9, retiring=[0, 1])

    custody.follow(placed(0), now=0)
    assert custody.doubtful == {0}
    assert custody.member(epoch=9) == a_member(SLOT, 9, restoring=[0])


def test_a_view_that_was_found_and_is_not_wanted_is_garbage() -> None:
    custody = ClassCustody(SLOT, 3, found=[0, 1])
    custody.follow(placed(0), now=0)
    assert 1 in custody.garbage

    custody.garbage.clear()
    custody.follow(placed(0), now=1)
    assert custody.garbage == set(), "it is found once"


def test_the_placement_hears_how_far_each_view_is() -> None:
    custody = serving(0, 1)
    custody.follow(placed(0, 2), now=0)

    assert custody.member(epoch=9) == a_member(SLOT, 9, serving=[0], restoring=[2], retiring=[1])


def test_lag_is_what_the_view_lacks_of_the_last_known_end() -> None:
    custody = serving(0)
    assert custody.lag(0) == 0, "no end is known yet"

    custody.verifications = {0: Verification(NOW_MS, 12), 1: Verification(NOW_MS, 5)}
    assert custody.lag(0) == 2
    assert custody.lag(1) == 0, "there is no view that could lag"

    custody.store({0: a_position(next_offset=15)})
    assert custody.lag(0) == 0


def test_the_latest_sweep_is_remembered() -> None:
    """ADR 1."""
    custody = serving(0)
    custody.note_sweep(0, NOW_MS)
    custody.note_sweep(0, NOW_MS - 1)

    assert custody[0].swept_ms == NOW_MS


@in_virtual_time
async def test_whoever_waits_for_work_is_woken_by_a_placement_and_by_doubt() -> None:
    custody = a_custody(0)
    work: list[Callable[[], None]] = [
        lambda: custody.follow(placed(0, 1), now=0),
        custody.doubt_all,
        lambda: custody.reject(0),
    ]
    for give_work in work:
        waiting = running(custody.work.wait())
        await settled()
        give_work()
        await waiting
    assert now_s() < 1


@in_virtual_time
async def test_a_placement_that_changes_no_life_here_is_told_too() -> None:
    """What was found and is not wanted is work, and the assignment itself is a change."""
    custody = ClassCustody(SLOT, 3, found=[0])
    waiting = [running(custody.work.wait()), running(custody.changed.wait())]
    await settled()
    custody.follow(placed(), now=0)

    for each in waiting:
        await each
    assert custody.assignment == placed()
    assert custody.garbage == {0}


@in_virtual_time
async def test_whoever_waits_for_a_view_is_woken_when_it_advances_or_leaves() -> None:
    custody = serving(0, 1)
    custody.follow(placed(1), now=0)
    advances: list[Callable[[], None]] = [
        lambda: custody.store({1: a_position(next_offset=11)}),
        lambda: custody.succeed(0),
    ]
    for advance in advances:
        waiting = running(custody.advanced.wait())
        await settled()
        advance()
        await waiting
    assert now_s() < 1


@in_virtual_time
async def test_nothing_stored_is_no_advance() -> None:
    custody = serving(0)
    waiting = running(custody.advanced.wait())
    await settled()
    custody.store({})
    await settled()

    assert not waiting.done()
    waiting.cancel()


@in_virtual_time
async def test_that_the_database_is_full_is_said_once() -> None:
    custody = a_custody()
    waiting = running(custody.changed.wait())
    await settled()
    custody.set_full(False)
    await settled()
    assert not waiting.done()

    custody.set_full(True)
    await waiting
    assert custody.full
