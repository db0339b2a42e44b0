"""GET: what is no prime, what is in hand, and what is pulled, each member once (P5, P9, ADR 3)."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator

import pytest

from factorsvc.application.answer import Answer
from factorsvc.application.find_values import FindValues
from factorsvc.application.policy import Policy
from factorsvc.domain.errors import NotCoveredError, NotPrimeError, NotReadyError, NumberTooLargeError
from factorsvc.domain.question import Cursor, Page, Part, RefusalReason
from factorsvc.domain.value import value_of
from tests.builders import a_page, a_put, a_refusal, an_answer
from tests.unit.application.asking import ALL, PATIENCE_S, Asking, a_long_page, asking_replica
from tests.unit.application.building import CLASSES, a_rig, in_virtual_time, it_is_about, now_s, running, settled

GONE = RefusalReason.GONE


class Finding:
    """A replica with a peer, slot 7, that serves all classes and is played by the test."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self._find = FindValues(asking.rig.work, asking.rounds)

    async def find(self, *first: Page, prime: int = 2) -> Answer:
        """Find `prime`, of which the peer has these first pages, class by class, and nothing else."""
        self.asking.hear(7, ALL)
        finding = running(self._find.find(prime))
        pages = [*first, *[a_page() for _ in ALL]]
        await self.reply(*[an_answer(class_id, pages[class_id]) for class_id in ALL])
        return await finding

    async def reply(self, *parts: Part) -> Cursor | None:
        """Answer the next question, and return the cursor that it had."""
        slot, question = await self.asking.question()
        self.asking.reply(slot, question, *parts)
        return question.cursor

    def refuse(self, prime: int) -> "asyncio.Task[Answer]":
        """Find what nobody need be asked about."""
        return running(self._find.find(prime))


async def finding_replica() -> Finding:
    return Finding(await asking_replica())


def values_of(page: bytes) -> list[int]:
    return [value_of(member) for member in page.split(b"\n")]


async def next_values(more: AsyncGenerator[bytes, None]) -> list[int]:
    """The values of the next page."""
    return values_of(await anext(more))


@pytest.mark.parametrize("number", [-2, -1, 0, 1, 4, 255])
@in_virtual_time
async def test_what_is_no_prime_has_no_values(number: int) -> None:
    """Design 10."""
    finding = await finding_replica()
    with pytest.raises(NotPrimeError) as caught:
        await finding.refuse(number)

    assert caught.value.number == number
    assert not finding.asking.rig.mailbox.has_sent


@pytest.mark.parametrize("number", [256, -256, 257])
@in_virtual_time
async def test_what_is_too_long_is_not_tested(number: int) -> None:
    """Design 10: whether or not it is a prime, as 257 is."""
    finding = Finding(await asking_replica(Policy(classes=CLASSES, max_bits=8)))
    with pytest.raises(NumberTooLargeError) as caught:
        await finding.refuse(number)

    assert (caught.value.limit_bits, caught.value.index) == (8, None)


@in_virtual_time
async def test_a_prime_of_just_the_limit_is_looked_for() -> None:
    finding = Finding(await asking_replica(Policy(classes=CLASSES, max_bits=8)))

    assert await finding.find(prime=251) == Answer([], None)


@in_virtual_time
async def test_whole_classes_are_in_hand_and_empty_ones_leave_nothing() -> None:
    finding = await finding_replica()
    answer = await finding.find(a_page(6), a_page(), a_page(2, 8))

    assert [values_of(page) for page in answer.pages] == [[6], [2, 8]]
    assert answer.more is None


@in_virtual_time
async def test_a_prime_that_nobody_stored_is_found_nowhere() -> None:
    finding = await finding_replica()

    assert await finding.find(prime=7) == Answer([], None)


@in_virtual_time
async def test_an_uncovered_class_is_no_answer() -> None:
    """P5."""
    finding = await finding_replica()
    finding.asking.hear(7, [0])
    looking = finding.refuse(2)
    await finding.reply(an_answer(0, a_page(6)))
    with pytest.raises(NotCoveredError):
        await looking
    assert it_is_about(PATIENCE_S)


@in_virtual_time
async def test_a_long_answer_is_pulled_class_by_class_at_the_pace_of_who_takes_it() -> None:
    """P9: no page is asked for before it is wanted."""
    finding = await finding_replica()
    answer = await finding.find(a_long_page(6, 12), a_page(4), a_long_page(2))
    assert [values_of(page) for page in answer.pages] == [[4]]
    assert answer.more is not None
    assert await next_values(answer.more) == [6, 12]
    await asyncio.sleep(60)
    assert not finding.asking.rig.mailbox.has_sent

    pulled = running(next_values(answer.more))
    assert await finding.reply(an_answer(0, a_long_page(18, position=b"last"))) == Cursor(b"load", b"next")
    assert await pulled == [18]
    pulled = running(next_values(answer.more))
    assert await finding.reply(an_answer(0, a_page(24))) == Cursor(b"load", b"last")
    assert await pulled == [24]
    assert await next_values(answer.more) == [2]
    pulled = running(next_values(answer.more))
    await finding.reply(an_answer(2, a_page()))
    with pytest.raises(StopAsyncIteration):
        await pulled


@in_virtual_time
async def test_a_slow_client_keeps_nothing_of_the_others() -> None:
    """P9: what its round found of other primes, or of classes that it has taken, is not in its hands."""
    finding = await finding_replica()
    gate = finding.asking.rig.mailbox.faults.hold("send")
    looking = running(finding.find(a_long_page(6)))
    await gate.reached.wait()
    (asked,) = map(weakref.ref, finding.asking.rounds._open)
    gate.open()
    answer = await looking
    await settled()
    gc.collect()

    assert answer.more is not None
    assert asked() is None
    await answer.more.aclose()


@in_virtual_time
async def test_what_comes_twice_in_a_walk_is_given_once() -> None:
    """Design 7: `ZSCAN` misses nothing, but may return a member twice; a page of doubles only is passed over."""
    finding = await finding_replica()
    answer = await finding.find(a_long_page(6, 12))
    assert answer.more is not None
    assert await next_values(answer.more) == [6, 12]
    pulled = running(next_values(answer.more))
    await finding.reply(an_answer(0, a_long_page(12, 6)))
    await finding.reply(an_answer(0, a_long_page()))
    await finding.reply(an_answer(0, a_page(6, 18)))

    assert await pulled == [18]


@in_virtual_time
async def test_a_class_whose_view_is_gone_is_begun_again_elsewhere() -> None:
    """ADR 3, P7: as of the same read index; what was given before is left out, so the client notices nothing."""
    finding = await finding_replica()
    answer = await finding.find(a_long_page(6, 12))
    assert answer.more is not None
    await next_values(answer.more)
    pulled = running(next_values(answer.more))
    await finding.reply(a_refusal(0, GONE))
    await finding.reply(a_refusal(0, GONE))
    finding.asking.rig.work.map.forget()
    finding.asking.hear(8, [0])
    slot, question = await finding.asking.question()
    assert (slot, question.cursor) == (8, None)
    finding.asking.reply(slot, question, an_answer(0, a_long_page(12, 18)))
    assert await pulled == [18]

    pulled = running(next_values(answer.more))
    slot, question = await finding.asking.question()
    assert slot == 8, "from there on"
    finding.asking.reply(slot, question, an_answer(0, a_page(6, 24)))
    assert await pulled == [24]


@in_virtual_time
async def test_a_page_that_was_lost_on_its_way_is_asked_for_again() -> None:
    """Before the class is begun again, which costs more."""
    finding = await finding_replica()
    answer = await finding.find(a_long_page(6))
    assert answer.more is not None
    await next_values(answer.more)
    pulled = running(next_values(answer.more))
    await finding.asking.question()
    assert await finding.reply(an_answer(0, a_page(12))) == Cursor(b"load", b"next")
    assert await pulled == [12]


@in_virtual_time
async def test_an_answer_whose_rest_nobody_has_breaks_off() -> None:
    """ADR 3, P5: in the middle, so that what was given does not pass for all."""
    finding = await finding_replica()
    answer = await finding.find(a_long_page(6))
    assert answer.more is not None
    await next_values(answer.more)
    asked_at = now_s()
    finding.asking.rig.work.map.forget()
    with pytest.raises(NotCoveredError) as caught:
        await anext(answer.more)

    assert caught.value.classes == (0,)
    assert it_is_about(asked_at + PATIENCE_S)


@in_virtual_time
async def test_an_answer_under_way_ends_with_the_slot() -> None:
    """P2."""
    finding = await finding_replica()
    answer = await finding.find(a_long_page(6))
    assert answer.more is not None
    await next_values(answer.more)
    await finding.asking.end()

    with pytest.raises(NotReadyError):
        await anext(answer.more)


@in_virtual_time
async def test_an_answer_can_be_given_up_at_any_page() -> None:
    """Also before the first one; nothing is asked for it any more."""
    finding = await finding_replica()
    for taken in (0, 1):
        answer = await finding.find(a_long_page(6), a_long_page(4))
        assert answer.more is not None
        for _ in range(taken):
            await anext(answer.more)
        await answer.more.aclose()
    await settled()

    assert not finding.asking.rig.mailbox.has_sent


@in_virtual_time
async def test_a_long_answer_from_the_own_view_is_whole() -> None:
    """P9: no set is read at once, and all of it comes."""
    rig = await a_rig()
    multiples_of_6 = range(6, 606, 6)
    await rig.serve(a_put(4), *map(a_put, multiples_of_6))
    asking = Asking(rig)
    await settled()
    answer = await FindValues(rig.work, asking.rounds).find(2)
    assert [values_of(page) for page in answer.pages] == [[4]]
    assert answer.more is not None
    pages = [values_of(page) async for page in answer.more]

    assert sorted(value for page in pages for value in page) == list(multiples_of_6)
    assert len(pages) > 10
