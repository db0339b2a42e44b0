"""What a real broker does to statuses and mail that their contracts do not say."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.messages import message_bytes
from factorsvc.adapters.kafka.sender import Sender
from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.question import Answered, Cursor, Frame, Page
from tests.builders import a_question, a_status
from tests.contracts.kafka_talk_servers import KafkaMailServer, KafkaStatusServer
from tests.contracts.mailbox_contract import messages_of
from tests.contracts.server import PATIENCE_S, within
from tests.contracts.statuses_contract import begin_reading, statuses_of
from tests.servers.kafka_broker import KafkaBroker


@pytest.fixture
async def mail(kafka_broker: KafkaBroker) -> AsyncIterator[KafkaMailServer]:
    server = KafkaMailServer(kafka_broker)
    await server.open()
    await server.make_topics()
    yield server
    await server.close()


@pytest.fixture
async def statuses(kafka_broker: KafkaBroker) -> AsyncIterator[KafkaStatusServer]:
    server = KafkaStatusServer(kafka_broker)
    await server.open()
    await server.make_topics()
    yield server
    await server.close()


async def append_foreign(broker: KafkaBroker, topic: Topic, partition: int, value: bytes) -> None:
    """Append what no replica has written."""
    talk = Talk(Client(Access(bootstrap_servers=broker.bootstrap)), topic)
    await within(Sender(talk).append(partition, [value]))
    talk.close()


async def test_what_others_write_is_passed_over(
    mail: KafkaMailServer, statuses: KafkaStatusServer, kafka_broker: KafkaBroker
) -> None:
    """What is no message, or one of another version, is neither read nor in the way."""
    box, log = mail.client(), statuses.client()
    await within(box.open(3))
    await begin_reading(log)
    for value in (b"", b"\xff", b"\x02" + message_bytes(a_question())[1:]):
        await append_foreign(kafka_broker, mail.layout().mail, 3, value)
        await append_foreign(kafka_broker, statuses.layout().statuses, 0, value)

    await within(box.send(3, [a_question()]))
    await within(log.publish(a_status()))

    assert await messages_of(box, 1) == [a_question()]
    assert await statuses_of(log, 1) == [a_status()]


async def test_frames_of_a_long_answer_arrive_as_they_are(mail: KafkaMailServer) -> None:
    """More at once than a broker takes in one request, and more than a reader takes in one: whole, and in order."""
    box = mail.client()
    await within(box.open(3))
    cursor = Cursor(b"load", bytes(range(256)))
    frames = [
        Frame(b"%d" % number, 3, [Answered(number, (Page(bytes([number]) * 256 * 1024, cursor),))])
        for number in range(10)
    ]

    await within(box.send(3, frames))

    assert await messages_of(box, 10) == frames


async def test_the_largest_part_of_an_answer_arrives(mail: KafkaMailServer) -> None:
    """A class has a page for each of the 32 primes that one question may ask for: more than brokers take unasked."""
    box = mail.client()
    await within(box.open(3))
    part = Answered(7, tuple(Page(b"%d" % prime * (1 << 17), None) for prime in range(10, 42)))
    assert sum(len(page.members) for page in part.pages) == 1 << 23

    await within(box.send(3, [Frame(b"question", 5, [part])]))
    assert await messages_of(box, 1) == [Frame(b"question", 5, [part])]


async def test_a_broker_that_is_started_again(
    mail: KafkaMailServer, statuses: KafkaStatusServer, kafka_broker: KafkaBroker
) -> None:
    """It goes on where it was, with no gap, and nobody has to do anything about it."""
    box, log = mail.client(), statuses.client()
    await within(box.open(3))
    await begin_reading(log)
    await within(box.send(3, [a_question(b"before")]))
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(messages_of(box, 2))
        async with asyncio.timeout(3 * PATIENCE_S):
            await asyncio.to_thread(kafka_broker.restart)

        await within(box.send(3, [a_question(b"after")]))
        await within(log.publish(a_status()))

    assert reading.result() == [a_question(b"before"), a_question(b"after")]
    assert await statuses_of(log, 1) == [a_status()]
