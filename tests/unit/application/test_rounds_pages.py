"""Going on with a long answer, and beginning a class of it again elsewhere (ADR 3)."""

import asyncio

import pytest

from factorsvc.application.round import Found
from factorsvc.domain.errors import NotCoveredError
from factorsvc.domain.question import RefusalReason
from tests.builders import a_page, a_put, a_refusal, an_answer
from tests.unit.application.asking import Asking, asking_replica
from tests.unit.application.building import (
    a_rig,
    in_virtual_time,
    now_s,
    running,
)


@in_virtual_time
async def test_the_next_page_comes_from_who_gave_the_last_one() -> None:
    """Whoever else serves the class by now: a cursor is good for one load on one replica."""
    asking = await asking_replica()
    as_of, found = await asking.begun(slot=7)
    asking.hear(3, [0])
    following = running(asking.rounds.ask_on(2, found, as_of, now_s() + 5))
    slot, question = await asking.question()
    assert (slot, question.cursor, set(question.read_index.offsets)) == (7, found.page.cursor, {0})

    asking.reply(slot, question, an_answer(0, a_page(12)))
    assert await following == Found(0, 7, a_page(12))


@in_virtual_time
async def test_the_next_page_may_come_from_this_replica_itself() -> None:
    rig = await a_rig()
    multiples_of_6 = range(6, 42, 6)
    await rig.serve(*map(a_put, multiples_of_6))
    asking = Asking(rig)
    as_of, found = await asking.ask(2)
    last, pages = found[0], [found[0].page]
    while last.page.cursor is not None:
        following = await asking.rounds.ask_on(2, last, as_of, now_s() + 5)
        assert following is not None
        last = following
        pages.append(last.page)

    members = [member for page in pages for member in page.members.split(b"\n") if member]
    assert sorted(members) == sorted(a_page(*multiples_of_6).members.split(b"\n"))
    assert len(pages) > 1


@in_virtual_time
async def test_a_page_that_is_refused_is_none() -> None:
    asking = await asking_replica()
    as_of, found = await asking.begun()
    following = running(asking.rounds.ask_on(2, found, as_of, now_s() + 5))
    slot, question = await asking.question()
    asking.reply(slot, question, a_refusal(0, RefusalReason.GONE))

    assert await following is None
    assert now_s() < 0.01


@in_virtual_time
async def test_a_page_that_does_not_come_is_none() -> None:
    asking = await asking_replica()
    as_of, found = await asking.begun()

    assert await asking.rounds.ask_on(2, found, as_of, now_s() + 5) is None
    assert 1 <= now_s() < 1.5
    assert asking.rounds._open == {}


@in_virtual_time
async def test_a_slot_that_others_have_followed_is_not_asked_for_the_next_page() -> None:
    """Else each class that a dead replica began would wait for its silence."""
    asking = await asking_replica()
    as_of, found = await asking.begun(slot=7)
    asking.rig.work.map.forget()
    asking.hear(8, [0])

    assert await asking.rounds.ask_on(2, found, as_of, now_s() + 5) is None
    assert now_s() < 0.01
    assert not asking.rig.mailbox.has_sent


@in_virtual_time
async def test_a_slot_that_nobody_has_followed_is_asked_for_the_next_page() -> None:
    """All are unknown after a gap in the statuses, and a cursor is dear."""
    asking = await asking_replica()
    as_of, found = await asking.begun(slot=7)
    asking.rig.work.map.forget()
    asking.hear(8, [1])
    following = running(asking.rounds.ask_on(2, found, as_of, now_s() + 5))
    slot, question = await asking.question()
    assert slot == 7

    asking.reply(slot, question, an_answer(0, a_page(12)))
    assert await following == Found(0, 7, a_page(12))


@in_virtual_time
async def test_the_own_view_is_read_on_whatever_the_map_says() -> None:
    """The map hears of it over the bus, as of anybody."""
    rig = await a_rig()
    await rig.serve(*map(a_put, range(6, 42, 6)))
    asking = Asking(rig)
    as_of, found = await asking.ask(2)
    asking.hear(8, [0])

    assert await asking.rounds.ask_on(2, found[0], as_of, now_s() + 5) is not None


@in_virtual_time
async def test_a_class_can_be_asked_for_again_as_of_the_same_moment() -> None:
    """ADR 3: from whoever serves it by now."""
    asking = await asking_replica()
    as_of, _ = await asking.begun(slot=7)
    await asyncio.sleep(1)
    asking.rig.work.map.forget()
    asking.hear(8, [0])
    again = running(asking.rounds.ask_class(2, 0, as_of, now_s() + 5))
    slot, question = await asking.question()
    assert (slot, question.primes, question.cursor) == (8, (2,), None)
    assert question.read_index == as_of.of([0])

    asking.reply(slot, question, an_answer(0, a_page(6)))
    assert await again == Found(0, 8, a_page(6))


@in_virtual_time
async def test_a_class_that_nobody_serves_any_more_is_not_covered() -> None:
    asking = await asking_replica()
    as_of, _ = await asking.begun()
    asking.rig.work.map.forget()
    with pytest.raises(NotCoveredError) as caught:
        await asking.rounds.ask_class(2, 0, as_of, now_s() + 5)

    assert caught.value.classes == (0,)


@in_virtual_time
async def test_a_class_that_is_asked_for_again_follows_the_map() -> None:
    """As every round does: whoever is silent is passed over, and whoever begins to serve is asked."""
    asking = await asking_replica()
    as_of, _ = await asking.begun(slot=7)
    again = running(asking.rounds.ask_class(2, 0, as_of, now_s() + 5))
    assert (await asking.question())[0] == 7
    asking.hear(8, [0])
    asking.rounds.reconsider([7])
    slot, question = await asking.question()
    assert slot == 8
    assert now_s() < 0.01

    asking.reply(slot, question)
    assert (await again).slot == 8
