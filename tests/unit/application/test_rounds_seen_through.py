"""Seeing rounds through: whoever refuses, is silent or is gone is asked no more, and somebody else is."""

import asyncio

import pytest

from factorsvc.domain.errors import JournalUnavailableError, NotCoveredError
from factorsvc.domain.question import Frame, RefusalReason
from tests.builders import a_page, a_refusal, an_answer
from tests.unit.application.asking import ALL, PATIENCE_S, asking_replica
from tests.unit.application.building import (
    CLASSES,
    in_virtual_time,
    it_is_about,
    now_s,
    settled,
)


@in_virtual_time
async def test_a_refused_class_is_asked_of_another_at_once() -> None:
    """The map is only a guess: a refusal costs a round trip, never an answer."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    asking.hear(8, [1])
    answer = asking.ask(2)
    slot, question = await asking.question()
    asking.reply(slot, question, an_answer(0), a_refusal(1), an_answer(2))
    other, again = await asking.question()
    assert (slot, other, set(again.read_index.offsets)) == (7, 8, {1})
    assert again.read_index.as_of_ms == question.read_index.as_of_ms

    asking.reply(other, again)
    await answer
    assert now_s() < 0.01


@in_virtual_time
async def test_a_lone_refuser_is_asked_again_after_a_while() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    answer = asking.ask(2)
    slot, question = await asking.question()
    asking.reply(slot, question, *[a_refusal(class_id, RefusalReason.OVERLOADED) for class_id in ALL])
    again = await asking.question()
    assert again[0] == 7
    assert 0.2 <= now_s() < 0.5

    asking.reply(*again)
    await answer


@in_virtual_time
async def test_a_silent_slot_is_passed_over_after_a_second_and_may_answer_still() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    asking.hear(8, ALL)
    answer = asking.ask(2)
    silent = await asking.question()
    other = await asking.question()
    assert (silent[0], other[0]) == (7, 8)
    assert 1 <= now_s() < 1.5

    asking.reply(silent[0], silent[1])
    assert {found.slot for found in (await answer)[1]} == {7}


@in_virtual_time
async def test_a_slot_whose_status_lapsed_is_passed_over_at_once() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    answer = asking.ask(2)
    await asking.question()
    asking.hear(8, ALL)
    asking.rounds.reconsider([7])
    slot, question = await asking.question()
    assert slot == 8

    asking.reply(slot, question)
    await answer
    assert now_s() < 0.01


@in_virtual_time
async def test_a_class_is_asked_for_as_soon_as_somebody_serves_it() -> None:
    """P7: a GET that comes during a handover waits for it."""
    asking = await asking_replica()
    answer = asking.ask(2)
    await asyncio.sleep(3)
    asking.hear(7, ALL)
    asking.reply(*await asking.question())
    await answer

    assert now_s() < 3.01


@in_virtual_time
async def test_a_question_that_was_not_sent_is_asked_again() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    asking.rig.mailbox.faults.fail("send", JournalUnavailableError())
    answer = asking.ask(2)
    asking.reply(*await asking.question())
    await answer

    assert 0.2 <= now_s() < 0.5


@in_virtual_time
async def test_what_is_pending_at_a_gap_is_asked_anew() -> None:
    """Design 9: the answers may have been in it."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    answer = asking.ask(2)
    lost = await asking.question()
    asking.rounds.ask_anew()
    again = await asking.question()
    assert again[1].question_id != lost[1].question_id
    assert now_s() < 1, "long before it would count as silence"

    asking.reply(*again)
    await answer


@in_virtual_time
async def test_a_class_that_stays_unanswered_is_named() -> None:
    """P5: all of the server or nothing."""
    asking = await asking_replica()
    asking.hear(7, [0, 1])
    answer = asking.ask(2)
    asking.reply(*await asking.question())
    with pytest.raises(NotCoveredError) as caught:
        await answer

    assert caught.value.classes == (2,)
    assert it_is_about(PATIENCE_S)


@in_virtual_time
async def test_a_round_lasts_as_long_as_somebody_waits_for_it() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    gate = asking.rig.journal.faults.hold("end_offsets")
    first = asking.ask(2)
    await gate.reached.wait()
    impatient, patient = asking.ask(3, patience_s=1), asking.ask(3)
    await settled()
    gate.open()
    asking.reply(*await asking.question())
    slot, question = await asking.question()
    with pytest.raises(NotCoveredError):
        await impatient
    await asyncio.sleep(0.5)
    asking.reply(slot, question)

    assert len((await patient)[1]) == CLASSES
    await first


@in_virtual_time
async def test_a_frame_of_a_round_that_is_over_is_dropped() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    answer = asking.ask(2)
    slot, question = await asking.question()
    asking.reply(slot, question, *[an_answer(class_id, a_page(6)) for class_id in ALL])
    _, found = await answer
    await settled()
    asking.reply(slot, question)
    asking.rounds.take(Frame(b"unheard of", 7, [an_answer(0)]))

    assert [one.page for one in found] == [a_page(6)] * CLASSES


@in_virtual_time
async def test_nothing_is_kept_of_rounds_that_are_over() -> None:
    """Answered, not covered, or given up: none of them lets the memory grow."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    answered = asking.ask(2)
    asking.reply(*await asking.question())
    await answered
    given_up = asking.ask(3)
    await asking.question()
    given_up.cancel()
    with pytest.raises(NotCoveredError):
        await asking.ask(5)
    asking.rig.journal.faults.break_down("end_offsets", JournalUnavailableError)
    with pytest.raises(NotCoveredError):
        await asking.ask(7)
    await asyncio.sleep(1)

    assert asking.rounds._open == {}
    assert asking.rounds._by_question == {}
    assert asking.rounds._waiting == []
