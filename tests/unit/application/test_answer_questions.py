"""The other side of a GET: a part for each class, once the view has reached the read index, or the reason why not."""

import asyncio

from factorsvc.application.open_answers import OpenAnswers
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.question import Cursor
from tests.builders import NOW_MS, a_page, a_put, a_question, a_refusal, an_answer
from tests.unit.application.answering import GONE, MULTIPLES_OF_6, NOT_SERVING, TOO_LATE, Answering, parts, read_through
from tests.unit.application.building import a_rig, in_virtual_time, now_ms, now_s, settled


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


@in_virtual_time
async def test_a_long_answer_is_open_until_its_last_page() -> None:
    """P7: the class is not dropped under it."""
    rig = await a_rig()
    await rig.serve(*map(a_put, MULTIPLES_OF_6))

    assert sorted(await read_through(rig, OpenAnswers(idle_s=10), asker=7)) == list(MULTIPLES_OF_6)


@in_virtual_time
async def test_a_deadline_is_cluster_time() -> None:
    """It travels between replicas, so it means the same on all of them."""
    rig = await a_rig()
    await rig.serve()
    await asyncio.sleep(100)

    assert await parts(rig, a_question(read_index={1: 99}, deadline_ms=now_ms() + 500)) == [a_refusal(1, TOO_LATE)]
    assert now_s() == 100.5
