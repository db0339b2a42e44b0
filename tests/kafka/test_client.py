"""Single requests to a real broker, and the trouble that the contracts rest on: each is really met."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Sequence

import pytest

from factorsvc.adapters.kafka import naming
from factorsvc.adapters.kafka.records import name_record
from factorsvc.adapters.kafka.topics import leaders_of
from factorsvc.domain.errors import JournalUnavailableError
from tests.contracts.kafka_server import KafkaServer
from tests.contracts.server import under_way, until, within
from tests.kafka.opened import Opener, opener
from tests.servers.kafka_administrator import KafkaAdministrator
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.troubled_kafka import Trouble


@pytest.fixture
async def there(server: KafkaServer) -> Opener:
    """A client of a journal that is there."""
    there = opener(server)
    await within(there.opening.open())
    return there


async def append(there: Opener, server: KafkaServer, name: bytes) -> None:
    """Append one record to the journal's first partition."""
    journal = server.layout().journal
    leaders = await leaders_of(there.client, [journal])
    await _append_at(there, server, leaders[journal.name][0], name)


async def _append_at(there: Opener, server: KafkaServer, leader: int, name: bytes) -> None:
    await naming._append(there.client, server.layout().journal.name, leader, name_record(name))


async def names(administrator: KafkaAdministrator, server: KafkaServer) -> Sequence[bytes | None]:
    """The keys of what was appended after the journal's own name."""
    records = await administrator.records(server.layout().journal.name, 0)
    return [record.key for record in records[1:]]


async def test_a_door_is_the_only_way(server: KafkaServer, there: Opener) -> None:
    """Metadata names the door and not the broker, so that nobody goes past the trouble that a test makes."""
    said = await within(there.client.describe([]))

    assert [(host, port) for _, host, port, _ in said.brokers] == [("127.0.0.1", server.door_of(there).port)]


@pytest.mark.parametrize("trouble", ["silence", "refuse"])
async def test_lost_requests_have_no_effect(
    server: KafkaServer, there: Opener, administrator: KafkaAdministrator, trouble: str
) -> None:
    """No answer, in bounded time, neither then nor later; and afterwards all is as before."""
    await append(there, server, b"before")
    await getattr(server, trouble)()

    for _ in range(2):
        with pytest.raises(JournalUnavailableError):
            await within(append(there, server, b"lost"))

    await server.heal()
    await within(append(there, server, b"after"))
    assert await names(administrator, server) == [b"journal:before", b"journal:after"]


@pytest.mark.parametrize("waits", [True, False])
async def test_postponed_requests_take_effect_when_the_trouble_ends(
    server: KafkaServer, there: Opener, administrator: KafkaAdministrator, *, waits: bool
) -> None:
    """Whether or not who sent them is still there."""
    leaders = await within(leaders_of(there.client, [server.layout().journal]))
    (leader,) = set(leaders[server.layout().journal.name].values())
    await server.postpone()
    async with asyncio.TaskGroup() as group:
        appending = await under_way(group, _is_answered(_append_at(there, server, leader, b"late")))
        await within(server.postponed())
        if not waits:
            there.client.close()
            assert not await appending
        assert await names(administrator, server) == []

        await server.heal()

        assert await names(administrator, server) == [b"journal:late"]
        assert await appending == waits


async def _is_answered(request: Awaitable[None]) -> bool:
    try:
        await request
    except JournalUnavailableError:
        return False
    return True


async def test_one_replica_alone_meets_trouble(server: KafkaServer, there: Opener) -> None:
    """Others are not concerned, and it is not for longer than the trouble lasts."""
    other = opener(server)
    server.door_of(there).meet(Trouble.SILENCE)

    with pytest.raises(JournalUnavailableError):
        await within(there.client.describe([]))
    await within(other.client.describe([]))

    await server.door_of(there).heal()
    await within(there.client.describe([]))


async def test_questions_at_once_are_answered_each(server: KafkaServer, there: Opener) -> None:
    """Any number of tasks may ask, also before the first connection was made."""
    fresh = opener(server)

    async with asyncio.TaskGroup() as group:
        for each in (there, fresh):
            for topic in server.layout().topics:
                group.create_task(_describes(each, topic.name))


async def _describes(there: Opener, topic: str) -> None:
    answer = await within(there.client.describe([topic]))
    assert [name for _, name, *_ in answer.topics] == [topic]


async def test_a_question_given_up_spoils_no_other(server: KafkaServer, there: Opener) -> None:
    """Cancelled while the broker is silent: the late answer is taken for nobody else's."""
    await server.postpone()
    async with asyncio.TaskGroup() as group:
        given_up = await under_way(group, there.client.describe([server.layout().journal.name]))
        given_up.cancel()
    await server.heal()

    await _describes(there, server.layout().mail.name)


async def test_a_broker_that_comes_back_is_asked_again(server: KafkaServer, kafka_broker: KafkaBroker) -> None:
    """After a crash, without anything being told to the client."""
    there = opener(server)
    await within(there.opening.open())
    await asyncio.to_thread(kafka_broker.kill)
    with pytest.raises(JournalUnavailableError):
        await within(there.client.describe([]))

    await asyncio.to_thread(kafka_broker.start)

    await _describes(there, server.layout().journal.name)


async def test_a_broker_elsewhere_is_found(server: KafkaServer) -> None:
    """Brokers may all have got other addresses, and the names that the service was told are asked again."""
    there, elsewhere = opener(server), opener(server)
    door = server.door_of(there)
    door.named = server.door_of(elsewhere)
    await within(there.client.describe([]))
    door.named.meet(Trouble.REFUSED)
    door.named = door
    with pytest.raises(JournalUnavailableError):
        await within(there.client.describe([]))

    await within(there.client.describe([]))


async def test_closed_is_closed(server: KafkaServer, there: Opener) -> None:
    """Nothing is sent any more, whatever was there before. Repeatable."""
    fresh = opener(server)
    for each in (there, fresh):
        each.client.close()
        each.client.close()

        with pytest.raises(JournalUnavailableError):
            await within(each.client.describe([]))
    assert server.door_of(fresh).passed == 0


@pytest.mark.parametrize("answers", range(4))  # two of the bootstrap, and two more of whom it leads to
@pytest.mark.parametrize("ends", ["given up", "closed"])
async def test_ended_while_it_connects_it_leaves_nothing_open(server: KafkaServer, answers: int, ends: str) -> None:
    """Whatever it has come to: a connection that nobody ends any more fails this test when it is collected."""
    fresh = opener(server)
    door = server.door_of(fresh)
    door.meet_later(Trouble.POSTPONED, after=answers)

    async def waits_for_an_answer() -> bool:
        return door.passed > answers

    async with asyncio.TaskGroup() as group:
        asking = await under_way(group, _is_answered(_describes(fresh, server.layout().journal.name)))
        await until(waits_for_an_answer)
        if ends == "given up":
            asking.cancel()
        fresh.client.close()
        await door.heal()

    assert asking.cancelled() or not asking.result()
    gc.collect()


async def test_brokers_out_of_reach_are_logged_once(
    server: KafkaServer, there: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    """With the reason, and when they are back: not with each of the many tries."""
    caplog.set_level(logging.INFO, "factorsvc.kafka")
    await server.refuse()
    for _ in range(4):
        with pytest.raises(JournalUnavailableError):
            await within(there.client.describe([]))
    await server.heal()
    for _ in range(2):
        await within(there.client.describe([]))

    assert [line.getMessage() for line in caplog.records if line.name == "factorsvc.kafka"] == [
        "kafka_out_of_reach",
        "kafka_in_reach",
    ]
