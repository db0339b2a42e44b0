"""The read index: shared by those who came before it was sent, and whole or not at all."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.protocol.offset import OffsetRequest

from factorsvc.adapters.kafka.end_offsets import EndOffsets
from factorsvc.domain.errors import JournalUnavailableError
from tests.contracts.server import SOON_S, under_way, until, within
from tests.kafka.scripted import TOPIC, Partitions, ScriptedBroker, ends, nothing

NOT_LEADER = 6


class Ends:
    """A log that grows, and a broker that answers when it is let."""

    def __init__(self) -> None:
        self.end = 0
        self.lets = asyncio.Semaphore(0)

    async def __call__(self, partitions: Partitions) -> Partitions:
        found = self.end
        await self.lets.acquire()
        return [(partition, 0, -1, found) for partition, _ in partitions]


@pytest.fixture
def broker() -> ScriptedBroker:
    return ScriptedBroker()


@pytest.fixture
async def end_offsets(broker: ScriptedBroker) -> AsyncIterator[EndOffsets]:
    end_offsets = EndOffsets(broker.client(), TOPIC, timeout_s=0.5)
    yield end_offsets
    await end_offsets.close()


async def test_no_answer_is_shared_that_was_asked_for_earlier(broker: ScriptedBroker, end_offsets: EndOffsets) -> None:
    """Who calls while a request is under way needs the next one: that may have been answered before the call (P5)."""
    log = Ends()
    broker.handlers[OffsetRequest] = log

    async def first_is_sent() -> bool:
        return bool(broker.asked)

    async with asyncio.TaskGroup() as group:
        first = await under_way(group, end_offsets.ask())
        await until(first_is_sent)
        log.end = 7
        late = [await under_way(group, end_offsets.ask()) for _ in range(3)]
        for _ in range(2):
            log.lets.release()

    assert set(first.result().values()) == {0}
    assert [set(each.result().values()) for each in late] == [{7}] * 3
    assert len(broker.asked) == 2


async def test_one_caller_that_leaves_spoils_nothing_for_others(
    broker: ScriptedBroker, end_offsets: EndOffsets
) -> None:
    """A request is everybody's who waits for it."""
    log = Ends()
    broker.handlers[OffsetRequest] = log

    async def first_is_sent() -> bool:
        return bool(broker.asked)

    async with asyncio.TaskGroup() as group:
        first = await under_way(group, end_offsets.ask())
        await until(first_is_sent)
        leaving, staying = [await under_way(group, end_offsets.ask()) for _ in range(2)]
        first.cancel()
        leaving.cancel()
        for _ in range(2):
            log.lets.release()

    assert first.cancelled()
    assert leaving.cancelled()
    assert set(staying.result().values()) == {0}


@pytest.mark.parametrize(
    "wrong", [(1, NOT_LEADER, -1, -1), (1, 0, -1, -1), None], ids=["an error", "a negative offset", "nothing"]
)
async def test_an_answer_that_is_not_whole_is_asked_for_again(
    broker: ScriptedBroker, end_offsets: EndOffsets, wrong: tuple[int, ...] | None
) -> None:
    """An error or a negative offset in one partition, or none of it, is no read index (design 9)."""

    async def spoilt_once(partitions: Partitions) -> Partitions:
        broker.handlers[OffsetRequest] = ends
        return [*([wrong] if wrong else []), *(each for each in await ends(partitions) if each[0] != 1)]

    broker.handlers[OffsetRequest] = spoilt_once

    assert await within(end_offsets.ask()) == {0: 0, 1: 10, 2: 20}
    assert len(broker.asked) == 2


async def test_no_whole_answer_in_time_is_an_error(broker: ScriptedBroker) -> None:
    """Nobody is given less than the ends of all classes."""

    async def spoilt(partitions: Partitions) -> Partitions:
        return (await ends(partitions))[1:]

    broker.handlers[OffsetRequest] = spoilt
    end_offsets = EndOffsets(broker.client(), TOPIC, timeout_s=SOON_S)

    with pytest.raises(JournalUnavailableError):
        await within(end_offsets.ask())
    await end_offsets.close()


async def test_closed_while_somebody_waits(broker: ScriptedBroker, end_offsets: EndOffsets) -> None:
    """Who waits is told at once that there is no answer, and is not cancelled; nobody is answered any more."""
    broker.handlers[OffsetRequest] = nothing

    async def is_sent() -> bool:
        return bool(broker.asked)

    async def fails() -> bool:
        with pytest.raises(JournalUnavailableError):
            await end_offsets.ask()
        return True

    async with asyncio.TaskGroup() as group:
        waiting = await under_way(group, fails())
        await until(is_sent)
        await within(end_offsets.close())

    assert waiting.result()
    assert await within(fails())
