"""Appending: each record once, in its order, with a receipt that is true; and producers that are not used again."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from aiokafka.protocol.produce import ProduceRequest

from factorsvc.adapters.kafka.appends import Appends
from factorsvc.adapters.kafka.producer import Producer
from factorsvc.adapters.kafka.records import Keyed
from factorsvc.domain.ports.journal import NoReceipt
from tests.contracts.server import later, soon, under_way, until, within
from tests.kafka.scripted import PRODUCED_MS, TOPIC, Partitions, ScriptedBroker, acknowledge, nothing, values_in

NOT_LEADER, OUT_OF_ORDER = 6, 45
NO_TIME = -1


def records(*names: str) -> list[Keyed]:
    """One for each name, which is its value."""
    return [Keyed(b"1:" + name.encode(), name.encode()) for name in names]


@pytest.fixture
def broker() -> ScriptedBroker:
    return ScriptedBroker()


@pytest.fixture
async def appends(broker: ScriptedBroker) -> AsyncIterator[Appends]:
    appends = Appends(lambda: Producer(broker.client(), TOPIC, batch_bytes=1_000, patience_s=1.0))
    yield appends
    await within(appends.close())


def sent(broker: ScriptedBroker) -> list[dict[int, list[bytes | None]]]:
    """The values that were sent, by request and class."""
    return [
        {class_id: values_in(batch) for class_id, batch in partitions} for partitions in broker.asked_to(ProduceRequest)
    ]


async def refuse(broker: ScriptedBroker, code: int, partitions: Partitions) -> Partitions:
    """Say `code` once, and be in good health from then on."""
    broker.handlers[ProduceRequest] = acknowledge
    return [(class_id, code, -1, NO_TIME, -1) for class_id, _ in partitions]


async def test_what_collects_goes_in_one_request(broker: ScriptedBroker, appends: Appends) -> None:
    """A request has a batch of each class, with the records of all who came while the one before was under way."""
    lets = asyncio.Event()

    async def when_let(partitions: Partitions) -> Partitions:
        await lets.wait()
        return await acknowledge(partitions)

    broker.handlers[ProduceRequest] = when_let

    async def is_sent() -> bool:
        return bool(sent(broker))

    async with asyncio.TaskGroup() as group:
        first = await under_way(group, appends.append({0: records("a")}, later()))
        await until(is_sent)
        second = await under_way(group, appends.append({0: records("b"), 2: records("c")}, later()))
        third = await under_way(group, appends.append({0: records("d", "e")}, later()))
        lets.set()

    at = PRODUCED_MS
    assert [each.result() for each in (first, second, third)] == [{0: [at]}, {0: [at], 2: [at]}, {0: [at, at]}]
    assert sent(broker) == [{0: [b"a"]}, {0: [b"b", b"d", b"e"], 2: [b"c"]}]


async def test_more_than_a_batch_goes_in_several_that_keep_the_order(broker: ScriptedBroker, appends: Appends) -> None:
    """A batch follows when the one before is acknowledged."""
    names = [f"{number:0100}" for number in range(30)]

    receipts = await within(appends.append({1: records(*names)}, later()))

    assert receipts == {1: [PRODUCED_MS] * 30}
    assert len(sent(broker)) > 1
    assert [value for request in sent(broker) for value in request[1]] == [name.encode() for name in names]


async def test_a_time_that_is_not_the_brokers_is_no_receipt(broker: ScriptedBroker, appends: Appends) -> None:
    """An append without a broker's time cannot be told from one that is void (design 6)."""

    async def without_time(partitions: Partitions) -> Partitions:
        return [(class_id, 0, 0, NO_TIME, 0) for class_id, _ in partitions]

    broker.handlers[ProduceRequest] = without_time

    assert await within(appends.append({0: records("a")}, later())) == {0: [NoReceipt.UNKNOWN]}


async def test_a_batch_is_sent_again_as_the_same_bytes(broker: ScriptedBroker, appends: Appends) -> None:
    """A broker that stored it, and whose answer was lost, knows it by its number."""
    broker.handlers[ProduceRequest] = partial(refuse, broker, NOT_LEADER)

    assert await within(appends.append({0: records("a")}, later())) == {0: [PRODUCED_MS]}

    first, again = broker.asked_to(ProduceRequest)
    assert first == again
    assert broker.producers == 1


async def test_a_producer_that_failed_is_not_used_again(broker: ScriptedBroker, appends: Appends) -> None:
    """A gap in its numbers is there for ever: the next append has another producer (issue 1017 of aiokafka)."""
    broker.handlers[ProduceRequest] = partial(refuse, broker, OUT_OF_ORDER)

    assert await within(appends.append({0: records("a")}, later())) == {0: [NoReceipt.UNKNOWN]}
    assert await within(appends.append({0: records("b")}, later())) == {0: [PRODUCED_MS]}

    assert broker.producers == 2
    assert sent(broker) == [{0: [b"a"]}, {0: [b"b"]}]


async def test_a_producer_that_overran_a_deadline_is_not_used_again(broker: ScriptedBroker, appends: Appends) -> None:
    """What is under way with it is in doubt for all, and is sent by no other; what was not sent goes on."""
    broker.handlers[ProduceRequest] = nothing

    async def is_sent() -> bool:
        return bool(sent(broker))

    async with asyncio.TaskGroup() as group:
        overrun = await under_way(group, appends.append({0: records("a"), 1: records("b")}, soon()))
        await until(is_sent)
        queued = await under_way(group, appends.append({0: records("c")}, later()))
        await within(asyncio.wait({overrun}))
        broker.handlers[ProduceRequest] = acknowledge

    assert overrun.result() == {0: [NoReceipt.UNKNOWN], 1: [NoReceipt.UNKNOWN]}
    assert queued.result() == {0: [PRODUCED_MS]}
    assert broker.producers == 2
    assert sent(broker) == [{0: [b"a"], 1: [b"b"]}, {0: [b"c"]}]


async def test_what_follows_a_failure_was_never_sent(broker: ScriptedBroker, appends: Appends) -> None:
    """The first batch of an append that fails is its last: what follows must not lie before it."""
    names = [f"{number:0100}" for number in range(30)]
    broker.handlers[ProduceRequest] = partial(refuse, broker, OUT_OF_ORDER)

    receipts = (await within(appends.append({1: records(*names)}, later())))[1]

    ((_, first),) = sent(broker)[0].items()
    assert receipts == [NoReceipt.UNKNOWN] * len(first) + [NoReceipt.NOT_SENT] * (30 - len(first))
    assert len(sent(broker)) == 1


async def test_what_nobody_waits_for_any_more_is_not_sent(broker: ScriptedBroker, appends: Appends) -> None:
    """Cancelled before its turn, an append leaves; what was sent with others stays theirs."""
    lets = asyncio.Event()

    async def when_let(partitions: Partitions) -> Partitions:
        await lets.wait()
        return await acknowledge(partitions)

    broker.handlers[ProduceRequest] = when_let

    async def is_sent() -> bool:
        return bool(sent(broker))

    async with asyncio.TaskGroup() as group:
        shared = [await under_way(group, appends.append({0: records(name)}, later())) for name in "ab"]
        await until(is_sent)
        waiting = await under_way(group, appends.append({0: records("c")}, later()))
        shared[0].cancel()
        waiting.cancel()
        await asyncio.wait({shared[0], waiting})
        lets.set()

    assert shared[1].result() == {0: [PRODUCED_MS]}
    assert await within(appends.append({0: records("d")}, later())) == {0: [PRODUCED_MS]}
    assert sent(broker) == [{0: [b"a", b"b"]}, {0: [b"d"]}]


async def test_closing_leaves_what_is_under_way_in_doubt(broker: ScriptedBroker, appends: Appends) -> None:
    """Who waits is told at once, and nothing is sent any more."""
    broker.handlers[ProduceRequest] = nothing

    async def is_sent() -> bool:
        return bool(sent(broker))

    async with asyncio.TaskGroup() as group:
        waiting = await under_way(group, appends.append({0: records("a")}, later()))
        await until(is_sent)
        await within(appends.close())

    assert waiting.result() == {0: [NoReceipt.UNKNOWN]}
    assert await within(appends.append({0: records("b")}, later())) == {0: [NoReceipt.NOT_SENT]}


async def test_of_two_producers_that_are_begun_at_once_one_is_used(broker: ScriptedBroker, appends: Appends) -> None:
    """The journal may be opened again while something is appended first; no connection is left behind."""
    async with asyncio.TaskGroup() as group:
        preparing = await under_way(group, appends.prepare())
        appending = await under_way(group, appends.append({0: records("a")}, later()))

    assert preparing.result() is None
    assert appending.result() == {0: [PRODUCED_MS]}
    assert sorted(client.is_closed for client in broker.clients) == [False, True]
