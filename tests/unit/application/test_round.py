"""A round: who waits for it is told all of it, or why not."""

import pytest

from factorsvc.application.round import Found, Round
from factorsvc.domain.errors import NotCoveredError, NotReadyError
from factorsvc.domain.question import ReadIndex
from tests.builders import NOW_MS, a_page, a_refusal, an_answer
from tests.unit.application.building import in_virtual_time, now_s, running, settled


@in_virtual_time
async def test_what_was_found_comes_by_class_with_who_gave_it() -> None:
    asked = Round([2, 3], [0, 1], deadline=5)
    asked.take(7, [an_answer(1, a_page(4), a_page(9))], now=0)
    asked.take(8, [an_answer(0, a_page(2), a_page(3))], now=0)

    assert await asked.found(3, deadline=5) == [Found(0, 8, a_page(3)), Found(1, 7, a_page(9))]
    assert now_s() == 0


@in_virtual_time
async def test_who_waits_is_woken_by_the_last_class() -> None:
    asked = Round([2], [0, 1], deadline=5)
    waiting = running(asked.found(2, deadline=5))
    asked.take(7, [an_answer(0)], now=0)
    await settled()
    assert not waiting.done()

    asked.take(7, [an_answer(1)], now=0)
    assert [found.class_id for found in await waiting] == [0, 1]
    assert now_s() < 1


@in_virtual_time
async def test_an_answer_that_would_be_too_short_is_none() -> None:
    """P5: at the deadline the classes that are missing are an error, whatever is there of the others."""
    asked = Round([2], [0, 1, 2], deadline=9)
    asked.take(7, [an_answer(1), a_refusal(0)], now=0)

    with pytest.raises(NotCoveredError) as caught:
        await asked.found(2, deadline=5)
    assert caught.value.classes == (0, 2)
    assert now_s() == 5


@in_virtual_time
async def test_a_deadline_that_is_over_leaves_no_time_to_wait() -> None:
    asked = Round([2], [0], deadline=5)
    with pytest.raises(NotCoveredError):
        await asked.found(2, deadline=0)

    asked.take(7, [an_answer(0)], now=0)
    assert await asked.found(2, deadline=0) == [Found(0, 7, a_page())], "what is there is given all the same"


@in_virtual_time
async def test_an_abandoned_round_tells_at_once() -> None:
    """P2: a GET does not wait for a replica that has lost its slot."""
    asked = Round([2], [0], deadline=5)
    waiting = running(asked.found(2, deadline=5))
    await settled()
    asked.abandon()

    with pytest.raises(NotReadyError, match="the slot was lost"):
        await waiting
    assert now_s() < 1


@in_virtual_time
async def test_what_was_answered_whole_outlives_the_round() -> None:
    asked = Round([2], [0], deadline=5)
    asked.take(7, [an_answer(0)], now=0)
    asked.abandon()

    assert await asked.found(2, deadline=5) == [Found(0, 7, a_page())]


@in_virtual_time
async def test_a_lost_slot_is_progress_too() -> None:
    """Whoever plans the round must look again."""
    asked = Round([2], [0], deadline=5)
    asked.coverage.asked(7, [0], at=0)
    woken = running(asked.progress.wait())
    await settled()
    asked.lost(frozenset([7]), now=0)

    await woken
    assert not asked.coverage.is_asked(0)


def test_nobody_is_asked_before_the_read_index_is_known() -> None:
    """P5: a question as of no moment could be answered with anything."""
    asked = Round([2], [0, 1], deadline=5)
    with pytest.raises(RuntimeError, match="before it had a read index"):
        asked.index_of([0])

    asked.read_index = ReadIndex(NOW_MS, {0: 4, 1: 5})
    assert asked.index_of([1]) == ReadIndex(NOW_MS, {1: 5})
