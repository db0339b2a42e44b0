"""The coordinator of the placement group, step by step, with a clock that a test sets."""

import pytest

from factorsvc.adapters.memory.coordinator import Coordinator, GroupTiming, Standing
from factorsvc.domain.placement import place
from tests.builders import a_member

CLASSES = 6


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def group(clock: Clock) -> Coordinator:
    return Coordinator(CLASSES, GroupTiming(session_timeout_s=3, heartbeat_s=0.3, rebalance_timeout_s=1), clock)


def slots(group: Coordinator) -> list[int]:
    return [member.slot for member in group.members]


async def test_rebalance_waits_until_all_have_joined_again(group: Coordinator) -> None:
    first = group.join(None, a_member(0))
    assert group.heartbeat(first).assignment == (1, place([a_member(0)], CLASSES))

    second = group.join(None, a_member(1))

    assert group.heartbeat(first).standing is Standing.ASKED
    waiting = group.heartbeat(second)
    assert waiting.standing is Standing.WAITING
    assert group.join(first, a_member(0, serving=[5])) == first
    assert waiting.sound.done()
    heard = group.heartbeat(second)
    assert heard.standing is Standing.PLACED
    assert heard.assignment == (2, place([a_member(0, serving=[5]), a_member(1)], CLASSES))
    assert group.heartbeat(first)[:2] == heard[:2]


async def test_who_does_not_join_again_in_time_is_out(group: Coordinator, clock: Clock) -> None:
    silent, second = group.join(None, a_member(0)), group.join(None, a_member(1))
    clock.now_s = 0.9
    assert group.heartbeat(silent).standing is Standing.ASKED
    assert group.heartbeat(second).standing is Standing.WAITING

    clock.now_s = 1.0

    assert group.heartbeat(second).assignment.placement == place([a_member(1)], CLASSES)
    assert group.heartbeat(silent).standing is Standing.OUT
    assert slots(group) == [1]


async def test_session_that_ends_takes_its_member_along(group: Coordinator, clock: Clock) -> None:
    first, second = group.join(None, a_member(0)), group.join(None, a_member(1))
    group.join(first, a_member(0))
    for clock.now_s in (1.0, 2.0, 2.9):
        assert group.heartbeat(second).standing is Standing.PLACED

    clock.now_s = 3.0

    assert group.heartbeat(second).standing is Standing.ASKED
    assert slots(group) == [1]
    assert group.heartbeat(first).standing is Standing.OUT


async def test_member_that_is_out_comes_back_under_another_id(group: Coordinator, clock: Clock) -> None:
    first = group.join(None, a_member(0))
    clock.now_s = 3.0

    again = group.join(first, a_member(0))

    assert again != first
    assert slots(group) == [0]
    assert group.heartbeat(again).standing is Standing.PLACED


async def test_larger_epoch_puts_the_smaller_out_and_not_the_other_way_round(group: Coordinator) -> None:
    old, other = group.join(None, a_member(3, 1)), group.join(None, a_member(4, 1))

    new = group.join(None, a_member(3, 2))

    assert group.heartbeat(old).standing is Standing.OUT
    rightful = place([a_member(3, 2), a_member(4, 1)], CLASSES)
    assert group.heartbeat(other).assignment.placement == rightful
    group.join(None, a_member(3, 1, serving=range(CLASSES)))
    assert group.heartbeat(new).standing is Standing.ASKED
    group.join(new, a_member(3, 2))
    group.join(other, a_member(4, 1))
    assert group.heartbeat(new).assignment == (3, rightful)


async def test_leaving_and_putting_out(group: Coordinator) -> None:
    first, second = group.join(None, a_member(0)), group.join(None, a_member(1))

    group.leave(first)
    group.leave(first)

    assert slots(group) == [1]
    assert group.heartbeat(second).standing is Standing.PLACED
    group.put_out(1)
    assert slots(group) == []
    assert group.heartbeat(second).standing is Standing.OUT
    assert group.heartbeat(second).assignment.placement == {}


async def test_restart_keeps_members_and_begins_their_sessions_anew(group: Coordinator, clock: Clock) -> None:
    """Kafka keeps members, generation and placement over a restart of the broker: nobody moves (measured: 4.1)."""
    first = group.join(None, a_member(0))
    before = group.heartbeat(first)
    clock.now_s = 60.0

    group.restart()

    assert group.heartbeat(first)[:2] == before[:2]


async def test_restart_in_the_middle_of_a_rebalance_begins_it_again(group: Coordinator, clock: Clock) -> None:
    first, second = group.join(None, a_member(0)), group.join(None, a_member(1))
    clock.now_s = 60.0

    group.restart()

    assert [group.heartbeat(member).standing for member in (first, second)] == [Standing.ASKED, Standing.ASKED]
    group.join(first, a_member(0))
    group.join(second, a_member(1))
    assert group.heartbeat(first).assignment.placement == place([a_member(0), a_member(1)], CLASSES)


async def test_coordinator_that_lost_its_members_asks_all_to_join(group: Coordinator) -> None:
    first = group.join(None, a_member(0))

    group.restart(forgets=True)

    assert group.heartbeat(first).standing is Standing.OUT
    assert slots(group) == []
