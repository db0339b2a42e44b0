"""The other side of a GET: a part for each class, once the view has reached the read index, or the reason why not."""

import asyncio
from collections.abc import Sequence

import pytest

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.errors import SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.question import Answered, Cursor, Part, Question, RefusalReason
from factorsvc.domain.value import value_of
from tests.builders import NOW_MS, a_page, a_position, a_put, a_question, a_refusal, an_answer
from tests.unit.application.building import Rig, a_rig, in_virtual_time, now_ms, now_s, running, settled

NOT_SERVING, GONE, TOO_LATE = RefusalReason.NOT_SERVING, RefusalReason.GONE, RefusalReason.TOO_LATE
MULTIPLES_OF_6 = range(6, 78, 6)
"""Twelve values of class 0, too many for one page."""


class Answering:
    """What a replica answers to one question, reply by reply."""

    def __init__(self, rig: Rig, question: Question, open_answers: OpenAnswers | None = None) -> None:
        self.replies: list[list[Part]] = []
        answers = AnswerQuestions(rig.work, open_answers or OpenAnswers(idle_s=10))
        self.end = running(answers.answer(question, self._take))

    async def _take(self, parts: Sequence[Part]) -> None:
        self.replies.append(
            [part._replace(pages=tuple(part.pages)) if isinstance(part, Answered) else part for part in parts]
        )

    async def parts(self) -> list[Part]:
        """All parts, once the last one is there."""
        await self.end
        return [part for reply in self.replies for part in reply]


async def parts(rig: Rig, question: Question) -> list[Part]:
    """All that is answered to `question`."""
    return await Answering(rig, question).parts()


async def read_through(rig: Rig, answers: OpenAnswers, asker: int) -> list[int]:
    """The values with prime 2 in class 0, page by page; between the pages the answer is open."""
    values: list[int] = []
    question = a_question(reply_to=asker)
    while True:
        (part,) = await Answering(rig, question, answers).parts()
        assert isinstance(part, Answered)
        (page,) = part.pages
        values += [value_of(member) for member in page.members.split(b"\n") if member]
        assert answers.any_of(0, now_s()) is (page.cursor is not None)
        if page.cursor is None:
            return values
        question = question._replace(cursor=page.cursor)


@in_virtual_time
async def test_each_class_is_answered_with_a_page_for_each_prime() -> None:
    rig = await a_rig()
    await rig.serve(a_put(6), a_put(4), a_put(10), a_put(7))

    assert await parts(rig, a_question(primes=(5, 2), read_index=(0, 1))) == [
        an_answer(0, a_page(), a_page(6)),
        an_answer(1, a_page(10), a_page(4, 10)),
    ]
    assert now_s() < 1


@in_virtual_time
async def test_a_class_that_retires_is_answered_for() -> None:
    """P7: its old replica goes on until the new one serves it."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.place(1, 2)
    assert rig.custody[0].life is ClassLife.RETIRING

    assert await parts(rig, a_question()) == [an_answer(0, a_page(6))]


@in_virtual_time
async def test_a_view_answers_once_it_has_reached_the_read_index() -> None:
    """P5: what was posted before the GET was sent is in its answer, however far the view is behind."""
    rig = await a_rig()
    await rig.serve(a_put(4))
    await rig.append(a_put(10))
    answering = Answering(rig, a_question(read_index={1: rig.servers.end(1)}))
    await asyncio.sleep(1)
    assert answering.replies == []

    await rig.load(1)
    rig.custody.store({1: rig.database.positions[1]})
    assert await answering.parts() == [an_answer(1, a_page(4, 10))]
    assert now_s() < 2


@in_virtual_time
async def test_classes_are_answered_as_they_become_ready() -> None:
    rig = await a_rig()
    await rig.serve(a_put(6), a_put(4))
    answering = Answering(rig, a_question(read_index={0: 0, 1: 2}))
    await settled()
    assert answering.replies == [[an_answer(0, a_page(6))]]

    await rig.append(a_put(10))
    await rig.load(1)
    rig.custody.store({1: rig.database.positions[1]})
    await answering.end
    assert answering.replies[1:] == [[an_answer(1, a_page(4, 10))]]


@in_virtual_time
async def test_what_is_not_reached_in_time_is_refused() -> None:
    """P5: never answered from an older view."""
    rig = await a_rig()
    await rig.serve(a_put(4))

    assert await parts(rig, a_question(read_index={1: 99, 2: 98}, deadline_ms=NOW_MS + 3_000)) == [
        a_refusal(1, TOO_LATE),
        a_refusal(2, TOO_LATE),
    ]
    assert now_s() == 3


@in_virtual_time
async def test_a_question_that_comes_after_its_deadline_is_answered_if_that_takes_no_waiting() -> None:
    rig = await a_rig()
    await rig.serve(a_put(6))
    await asyncio.sleep(1)

    assert await parts(rig, a_question(read_index={0: 0, 1: 99}, deadline_ms=NOW_MS)) == [
        an_answer(0, a_page(6)),
        a_refusal(1, TOO_LATE),
    ]
    assert now_s() == 1


@in_virtual_time
async def test_what_is_served_elsewhere_is_refused_at_once() -> None:
    """Together with what is answered: the asker needs to know both."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.place(0)
    rig.custody.succeed(1)
    answering = Answering(rig, a_question(read_index=(0, 1)))
    await answering.end

    assert answering.replies == [[a_refusal(1, NOT_SERVING), an_answer(0, a_page(6))]]


@in_virtual_time
async def test_the_rest_of_a_long_answer_is_gone_with_its_class() -> None:
    """ADR 3: the asker is told to begin the class again."""
    rig = await a_rig()
    question = a_question()._replace(cursor=Cursor(b"load", b"\0\0\0\1"))

    assert await parts(rig, question) == [a_refusal(0, GONE)]


@in_virtual_time
async def test_a_class_that_leaves_under_the_question_is_refused_at_once() -> None:
    rig = await a_rig()
    await rig.serve()
    answering = Answering(rig, a_question(read_index={1: 99}))
    await settled()
    rig.place(0, 2)
    rig.custody.succeed(1)

    assert await answering.parts() == [a_refusal(1, NOT_SERVING)]
    assert now_s() < 1


@in_virtual_time
async def test_a_class_in_doubt_waits_until_it_has_been_looked_at() -> None:
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.custody.doubt([0])
    answering = Answering(rig, a_question())
    await settled()
    assert answering.replies == []

    rig.custody.resume(0, rig.database.positions[0], target=0)
    assert await answering.parts() == [an_answer(0, a_page(6))]


@pytest.mark.parametrize(("cursor", "reason"), [(None, NOT_SERVING), (Cursor(b"load", b"\0\0\0\1"), GONE)])
@in_virtual_time
async def test_a_database_that_does_not_answer_is_a_refusal(cursor: Cursor | None, reason: RefusalReason) -> None:
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.storage.faults.fail("read", StorageUnavailableError())

    assert await parts(rig, a_question()._replace(cursor=cursor)) == [a_refusal(0, reason)]


@in_virtual_time
async def test_nothing_is_answered_once_the_lease_is_not_sure() -> None:
    """P2: what was read may have been another replica's database already."""
    rig = await a_rig(lease_ttl_s=10)
    await rig.serve(a_put(6))
    gate = rig.storage.faults.hold("read")
    answering = Answering(rig, a_question())
    await asyncio.sleep(10)
    gate.open()

    assert await answering.parts() == [a_refusal(0, NOT_SERVING)]


@in_virtual_time
async def test_a_lost_slot_is_no_answer() -> None:
    """P2: it ends all that rests on the claim."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.storage.faults.fail("read", SlotLostError(rig.slot))

    with pytest.raises(SlotLostError):
        await parts(rig, a_question())


@in_virtual_time
async def test_a_view_that_is_older_than_was_believed_is_looked_at_and_waited_for() -> None:
    """Design 6, rule 3, P5: as after a Redis that came back without its last second."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    believed = a_position(next_offset=99)
    rig.custody.store({0: believed})
    answering = Answering(rig, a_question(read_index={0: 99}))
    await settled()
    assert answering.replies == []
    assert rig.custody.doubtful == {0}

    await rig.storage.inner.commit(await rig.storage.inner.look([0]), Change(positions={0: believed}))
    rig.custody.resume(0, believed, target=99)
    assert await answering.parts() == [an_answer(0, a_page(6))]


@in_virtual_time
async def test_a_view_that_was_made_anew_meanwhile_is_not_answered_from() -> None:
    """Design 6, rule 5: what was read may be a piece of either."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    await rig.load(0, load_id=b"another")

    assert await parts(rig, a_question()) == [a_refusal(0, NOT_SERVING)]
    assert rig.custody.doubtful == {0}


@in_virtual_time
async def test_a_wiped_view_is_not_answered_from() -> None:
    """P5: an empty database is no empty answer."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.database.wipe()

    assert await parts(rig, a_question()) == [a_refusal(0, NOT_SERVING)]
    assert rig.custody.doubtful == {0}


@in_virtual_time
async def test_expiry_is_judged_as_of_the_read_index() -> None:
    """ADR 1, P6: not by the clock at the reading."""
    rig = await a_rig()
    await rig.serve(a_put(6, expires_at_ms=NOW_MS + 1_000))
    await asyncio.sleep(2)

    assert await parts(rig, a_question(as_of_ms=NOW_MS + 999)) == [an_answer(0, a_page(6))]
    assert await parts(rig, a_question(as_of_ms=NOW_MS + 1_000)) == [an_answer(0, a_page())]


@in_virtual_time
async def test_a_question_as_of_before_an_unverified_sweep_is_refused() -> None:
    """ADR 1: the value may have been posted again in time, and that put not applied yet."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.custody.note_sweep(0, NOW_MS)

    assert await parts(rig, a_question(as_of_ms=NOW_MS - 1)) == [a_refusal(0, NOT_SERVING)]
    assert await parts(rig, a_question(as_of_ms=NOW_MS)) == [an_answer(0, a_page(6))]


@in_virtual_time
async def test_a_sweep_counts_also_when_its_class_leaves_under_the_reading() -> None:
    """ADR 1: what was read may lack what was swept, whatever has become of the class since."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    gate = rig.storage.faults.hold("read")
    answering = Answering(rig, a_question(as_of_ms=NOW_MS - 1))
    await gate.reached.wait()
    rig.custody.note_sweep(0, NOW_MS)
    rig.place(1, 2)
    rig.custody.succeed(0)
    gate.open()

    assert await answering.parts() == [a_refusal(0, NOT_SERVING)]


@in_virtual_time
async def test_a_long_answer_is_open_until_its_last_page() -> None:
    """P7: the class is not dropped under it."""
    rig = await a_rig()
    await rig.serve(*map(a_put, MULTIPLES_OF_6))

    assert sorted(await read_through(rig, OpenAnswers(idle_s=10), asker=7)) == list(MULTIPLES_OF_6)


@in_virtual_time
async def test_a_cursor_is_good_for_the_load_it_came_from() -> None:
    """ADR 3: the class is begun again rather than continued in another view."""
    rig = await a_rig()
    await rig.serve(*map(a_put, MULTIPLES_OF_6))
    (part,) = await parts(rig, a_question())
    assert isinstance(part, Answered)
    await rig.load(0, load_id=b"another")
    rig.custody.resume(0, rig.database.positions[0], target=0)

    assert await parts(rig, a_question()._replace(cursor=part.pages[0].cursor)) == [a_refusal(0, GONE)]


@in_virtual_time
async def test_a_deadline_is_cluster_time() -> None:
    """It travels between replicas, so it means the same on all of them."""
    rig = await a_rig()
    await rig.serve()
    await asyncio.sleep(100)

    assert await parts(rig, a_question(read_index={1: 99}, deadline_ms=now_ms() + 500)) == [a_refusal(1, TOO_LATE)]
    assert now_s() == 100.5
