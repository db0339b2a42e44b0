"""Topics on a real broker: made as they must be, refused as they must not, and named once (design 6, bootstrap)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import pytest

from factorsvc.adapters.kafka import naming
from factorsvc.adapters.kafka.layout import RETENTION, Layout
from factorsvc.adapters.kafka.records import name_record
from factorsvc.adapters.kafka.topics import NotYetError, leaders_of, make
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError
from tests.contracts.kafka_server import KafkaServer
from tests.contracts.server import within
from tests.kafka.opened import Opener, opener
from tests.servers.kafka_administrator import KafkaAdministrator

T = TypeVar("T")


async def made(server: KafkaServer, layout: Layout) -> Opener:
    """Make the topics of `layout`, as somebody else may have done, and return who did, once that is known."""
    there = opener(server)
    await within(make(there.client, layout.topics, None))
    await within(soon(lambda: leaders_of(there.client, layout.topics)))
    return there


async def append(there: Opener, layout: Layout, name: bytes) -> None:
    """Give the journal this name, unless it has one already."""
    journal = layout.journal.name
    leaders = await within(leaders_of(there.client, [layout.journal]))
    leader = leaders[journal][0]
    await within(soon(lambda: naming._append(there.client, journal, leader, name_record(name))))


async def soon(work: Callable[[], Awaitable[T]]) -> T:
    """Do `work` again until it is not too early: the brokers' parts hear of a new topic one after the other."""
    while True:
        with suppress(NotYetError):
            return await work()


async def test_topics_are_made_with_their_settings(server: KafkaServer, administrator: KafkaAdministrator) -> None:
    """What the service rests on is there, and no topic but the three that it names."""
    layout = Layout(prefix=server.prefix, classes=7)

    await within(opener(server, layout).opening.open())

    assert {name for name in await administrator.topics() if name.startswith(server.prefix)} == {
        topic.name for topic in layout.topics
    }
    for topic in layout.topics:
        found = await administrator.settings(topic.name)
        wanted = {**topic.fixed, **topic.initial}
        assert {setting: found.get(setting) for setting in wanted} == wanted


async def test_copies_are_as_many_as_were_asked_for(server: KafkaServer) -> None:
    """More than there are brokers for cannot be made, and it says why: it is not done with fewer (P4)."""
    layout = replace(server.layout(), replication_factor=3)

    with pytest.raises(JournalUnavailableError, match="InvalidReplicationFactor"):
        await within(opener(server, layout).opening.open())


@pytest.mark.parametrize("topic", ["journal", "status", "mail"])
@pytest.mark.parametrize("setting", ["cleanup.policy", "message.timestamp.type"])
async def test_a_topic_with_other_settings_is_refused(
    server: KafkaServer, administrator: KafkaAdministrator, topic: str, setting: str
) -> None:
    """Whoever made it: puts that are forgotten, or stamped by whom they come from, are no journal (P4, P8)."""
    layout = server.layout()
    await made(server, layout)
    (altered,) = (each for each in layout.topics if each.name.endswith(f".{topic}"))
    other = {"cleanup.policy": "compact,delete", "message.timestamp.type": "CreateTime"}[setting]
    await administrator.set(altered.name, {**altered.fixed, **altered.initial, setting: other})

    with pytest.raises(JournalMismatchError) as mismatch:
        await within(opener(server).opening.open())

    assert mismatch.value.setting == f"{altered.name} {setting}"
    assert set(mismatch.value.found.split(",")) == set(other.split(","))
    assert mismatch.value.wanted == altered.fixed[setting]


async def test_tombstones_stay_as_long_as_the_brokers_say(
    server: KafkaServer, administrator: KafkaAdministrator
) -> None:
    """The actual retention counts, whatever it was made with: views are too old by it (rule 2)."""
    journal = server.layout().journal
    await made(server, server.layout())
    await administrator.set(journal.name, {**journal.fixed, **journal.initial, RETENTION: "3600000"})

    assert (await within(opener(server).opening.open())).retention_ms == 3_600_000


async def test_the_name_that_lies_first_counts_for_all(server: KafkaServer) -> None:
    """Several contenders may find the journal empty: all but one of their names are nothing."""
    there = await made(server, server.layout())
    for name in (b"first", b"second"):
        await append(there, server.layout(), name)

    async with asyncio.TaskGroup() as group:
        opened = [group.create_task(within(opener(server).opening.open())) for _ in range(3)]

    assert {task.result().journal_id for task in opened} == {b"first"}


async def test_the_name_outlives_compaction(server: KafkaServer) -> None:
    """Names have keys of their own, so none makes another one needless."""
    there = opener(server)
    facts = await within(there.opening.open())
    await append(there, server.layout(), b"of a loser")
    await append(there, server.layout(), b"of another")

    await within(server.compact(0))

    assert await within(there.opening.open()) == facts


async def test_a_topic_that_began_with_something_else_is_refused(server: KafkaServer) -> None:
    """What is in it was not written by this service, or its beginning was cut off: it is no journal of ours."""
    there = await made(server, server.layout())
    for name in (b"cut off", b"left"):
        await append(there, server.layout(), name)
    await server.cut_topic(server.layout().journal, 0, 1)
    assert (await within(there.opening.open())).journal_id == b"left"
    await server.append_foreign(0)
    await server.cut_topic(server.layout().journal, 0, 2)

    with pytest.raises(JournalMismatchError, match="first record"):
        await within(opener(server).opening.open())


async def test_a_journal_that_was_emptied_gets_another_name(server: KafkaServer) -> None:
    """All its puts are gone, so what was made of them is worthless."""
    there = opener(server)
    facts = await within(there.opening.open())

    await server.cut_topic(server.layout().journal, 0)

    assert (await within(there.opening.open())).journal_id != facts.journal_id
