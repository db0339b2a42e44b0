"""The life of a class is two facts: is it placed here, and is its view whole? The table says just that, on any walk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factorsvc.domain.class_life import ANSWERING, TRANSITIONS, ClassEvent, ClassLife, IllegalTransitionError, advance

walks = st.lists(st.sampled_from(ClassEvent), max_size=30)

LIFE = {
    (False, False): ClassLife.ABSENT,
    (True, False): ClassLife.RESTORING,
    (True, True): ClassLife.SERVING,
    (False, True): ClassLife.RETIRING,
}
"""By (placed, whole)."""


def expected(placed: bool, whole: bool, event: ClassEvent) -> tuple[bool, bool] | None:
    """What `event` makes of the two facts; None: it cannot happen."""
    match event:
        case ClassEvent.PLACED if not placed:
            return True, whole
        case ClassEvent.MOVED if placed:
            return False, whole
        case ClassEvent.CAUGHT_UP if placed and not whole:
            return placed, True
        case ClassEvent.WORTHLESS if placed or whole:
            return placed, False
        case ClassEvent.SUCCEEDED if whole and not placed:
            return False, False
    return None


@given(walks)
def test_a_life_is_whether_the_class_is_placed_here_and_its_view_whole(events: list[ClassEvent]) -> None:
    """Events that cannot happen are met on the way too: they raise, and the walk goes on from the same life."""
    facts, life = (False, False), ClassLife.ABSENT
    for event in events:
        after = expected(*facts, event)
        if after is None:
            with pytest.raises(IllegalTransitionError):
                advance(life, event)
        else:
            facts, life = after, advance(life, event)
        assert life is LIFE[facts]


@given(walks)
def test_a_class_is_answered_for_exactly_from_a_view_that_caught_up_after_all_that_spoilt_it(
    events: list[ClassEvent],
) -> None:
    """What P5 needs of the table: whoever answers has caught up since it was last absent or its view worthless."""
    life, caught_up = ClassLife.ABSENT, False
    for event in events:
        try:
            life = advance(life, event)
        except IllegalTransitionError:
            continue
        caught_up = event is ClassEvent.CAUGHT_UP or (
            caught_up and event is not ClassEvent.WORTHLESS and life is not ClassLife.ABSENT
        )
        assert (life in ANSWERING) is caught_up


@pytest.mark.parametrize("life", ClassLife)
def test_no_life_is_a_dead_end(life: ClassLife) -> None:
    """From each one every other can be reached: a class can always be served again, and always be let go."""
    reached: set[ClassLife] = set()
    ahead = {life}
    while ahead:
        reached |= ahead
        ahead = {after for (before, _), after in TRANSITIONS.items() if before in ahead} - reached

    assert reached == set(ClassLife)
