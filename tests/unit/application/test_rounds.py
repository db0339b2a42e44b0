"""Opening rounds: who is asked what as of when, and who shares a question (P5)."""

import asyncio

import pytest

from factorsvc.application.policy import Policy
from factorsvc.application.round import Found
from factorsvc.domain.errors import JournalUnavailableError, NotCoveredError
from tests.builders import NOW_MS, a_page, a_put, a_status, an_answer
from tests.unit.application.asking import ALL, PATIENCE_S, Asking, asking_replica
from tests.unit.application.building import (
    CLASSES,
    POLICY,
    a_rig,
    in_virtual_time,
    it_is_about,
    now_s,
    settled,
)


@in_virtual_time
async def test_a_replica_that_serves_all_classes_asks_nobody() -> None:
    """Design 9."""
    rig = await a_rig()
    await rig.serve(a_put(6), a_put(4), a_put(9))
    asking = Asking(rig)
    rig.work.map.hear(a_status(7, serving=ALL), now_s())
    _, found = await asking.ask(2)

    assert found == [Found(0, rig.slot, a_page(6)), Found(1, rig.slot, a_page(4)), Found(2, rig.slot, a_page())]
    assert not rig.mailbox.has_sent


@in_virtual_time
async def test_each_slot_is_asked_once_for_all_that_it_serves() -> None:
    asking = await asking_replica()
    rig = asking.rig
    await rig.append(a_put(4), a_put(10))
    await asyncio.sleep(10)
    asking.hear(7, [0, 1])
    asking.hear(8, [2])
    answer = asking.ask(2)
    questions = dict([await asking.question(), await asking.question()])

    assert {slot: dict(question.read_index.offsets) for slot, question in questions.items()} == {
        7: {0: rig.servers.end(0), 1: 2},
        8: {2: 0},
    }
    for question in questions.values():
        assert (question.primes, question.reply_to, question.cursor) == ((2,), rig.slot, None)
        assert question.deadline_ms == NOW_MS + 10_000 + PATIENCE_S * 1000
    asking.reply(8, questions[8], an_answer(2, a_page(8)))
    asking.reply(7, questions[7], an_answer(0, a_page(6)), an_answer(1, a_page(4, 10)))
    assert (await answer)[1] == [Found(0, 7, a_page(6)), Found(1, 7, a_page(4, 10)), Found(2, 8, a_page(8))]


@in_virtual_time
async def test_what_this_replica_serves_itself_is_asked_of_nobody_else() -> None:
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.place(0)
    rig.custody.succeed(1)
    rig.custody.succeed(2)
    asking = Asking(rig)
    rig.work.map.hear(a_status(7, serving=ALL), now_s())
    answer = asking.ask(2)
    slot, question = await asking.question()
    assert (slot, set(question.read_index.offsets)) == (7, {1, 2})

    asking.reply(slot, question)
    assert (await answer)[1][0] == Found(0, rig.slot, a_page(6))


@in_virtual_time
async def test_gets_that_come_while_a_round_is_opened_share_the_next_one() -> None:
    """Design 9, group commit: one read index and one question for all of them; equal primes are asked once."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    gate = asking.rig.journal.faults.hold("end_offsets")
    first = asking.ask(2)
    await gate.reached.wait()
    others = [asking.ask(3), asking.ask(5), asking.ask(3)]
    await settled()
    gate.open()
    _, question = await asking.question()
    _, shared = await asking.question()

    assert (question.primes, shared.primes) == ((2,), (3, 5))
    assert asking.rig.journal.faults.calls.count("end_offsets") == 2
    asking.reply(7, question)
    pages = [[a_page(3), a_page(5)], [a_page(6), a_page(10)], [a_page(9), a_page(20)]]
    asking.reply(7, shared, *[an_answer(class_id, *pages[class_id]) for class_id in ALL])
    found = [[found.page for found in (await other)[1]] for other in others]
    assert found == [[a_page(3), a_page(6), a_page(9)], [a_page(5), a_page(10), a_page(20)], found[0]]
    assert len((await first)[1]) == CLASSES


@in_virtual_time
async def test_a_question_has_so_many_primes_at_most() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    answers = [asking.ask(prime) for prime in (2, 3, 5)]
    primes = []
    for _ in range(2):
        slot, question = await asking.question()
        primes.append(question.primes)
        asking.reply(slot, question)

    assert [len((await answer)[1]) for answer in answers] == [CLASSES] * 3
    assert [len(each) for each in primes] == [2, 1]
    assert {prime for each in primes for prime in each} == {2, 3, 5}


@in_virtual_time
async def test_a_get_is_answered_whatever_comes_after_it() -> None:
    """Design 9: a slow replica slows the GETs that wait for it and no others."""
    asking = await asking_replica(Policy(classes=1))
    asking.hear(7, [0])
    slow = asking.ask(2)
    await asking.question()
    quick = asking.ask(3)
    asking.reply(*await asking.question())
    await quick
    assert now_s() < 0.01

    with pytest.raises(NotCoveredError):
        await slow


@in_virtual_time
async def test_the_read_index_is_asked_for_after_the_get_arrived() -> None:
    """P5: a POST that was answered before the GET was sent is below the index, although the round before it is not."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    gate = asking.rig.mailbox.faults.hold("send")
    answers = [asking.ask(2)]
    await gate.reached.wait()
    await asking.rig.append(a_put(4))
    answers.append(asking.ask(3))
    await settled()
    gate.open()
    _, before = await asking.question()
    _, after = await asking.question()

    assert (before.read_index.offsets[1], after.read_index.offsets[1]) == (0, 1)
    asking.reply(7, before)
    asking.reply(7, after)
    await asyncio.gather(*answers)


@in_virtual_time
async def test_expiry_is_judged_as_of_before_the_offsets_were_asked_for() -> None:
    """ADR 1: a put that is not below the index was appended after that time."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    await asyncio.sleep(10)
    gate = asking.rig.journal.faults.hold("end_offsets")
    answer = asking.ask(2)
    await asyncio.sleep(1)
    gate.open()
    _, question = await asking.question()

    assert question.read_index.as_of_ms == NOW_MS + 10_000
    asking.reply(7, question)
    await answer


@in_virtual_time
async def test_an_index_that_was_not_had_is_asked_for_anew() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    asking.rig.journal.faults.fail("end_offsets", JournalUnavailableError(), JournalUnavailableError())
    answer = asking.ask(2)
    _, question = await asking.question()

    assert question.read_index.as_of_ms == NOW_MS + 2 * POLICY.retry_s * 1000
    asking.reply(7, question)
    await answer


@in_virtual_time
async def test_without_a_read_index_there_is_no_answer() -> None:
    """P5: and the replica goes on when the journal is there again."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    asking.rig.journal.faults.break_down("end_offsets", JournalUnavailableError)
    with pytest.raises(NotCoveredError) as caught:
        await asking.ask(2)
    assert caught.value.classes == tuple(ALL)
    assert it_is_about(PATIENCE_S)
    assert not asking.rig.mailbox.has_sent

    asking.rig.journal.faults.mend()
    answer = asking.ask(2)
    asking.reply(*await asking.question())
    await answer


@in_virtual_time
async def test_an_index_that_never_comes_is_waited_for_as_long_as_somebody_waits() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    asking.rig.journal.faults.hold("end_offsets")
    answer = asking.ask(2)
    await asyncio.sleep(PATIENCE_S - 1)
    late = asking.ask(3)
    with pytest.raises(NotCoveredError):
        await answer
    slot, question = await asking.question()
    assert question.primes == (3,)
    asking.reply(slot, question)
    await late


@in_virtual_time
async def test_a_get_whose_round_does_not_begin_in_time_is_not_covered() -> None:
    """P5, P8: an absolute deadline, whatever one waits for."""
    asking = await asking_replica()
    gate = asking.rig.journal.faults.hold("end_offsets")
    first = asking.ask(2)
    await gate.reached.wait()
    with pytest.raises(NotCoveredError) as caught:
        await asking.ask(3, patience_s=1)
    assert caught.value.classes == tuple(ALL)
    assert it_is_about(1)

    with pytest.raises(NotCoveredError):
        await first


@in_virtual_time
async def test_a_get_that_is_given_up_leaves_the_others_alone() -> None:
    asking = await asking_replica()
    asking.hear(7, ALL)
    gate = asking.rig.journal.faults.hold("end_offsets")
    first = asking.ask(2)
    await gate.reached.wait()
    given_up, kept = asking.ask(3), asking.ask(3)
    await settled()
    given_up.cancel()
    gate.open()
    for _ in range(2):
        asking.reply(*await asking.question())

    assert len((await first)[1]) == len((await kept)[1]) == CLASSES
    assert given_up.cancelled()
