"""The journal on a real broker, in trouble that the contract does not know of."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.protocol.api import Request
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.journal import KafkaJournal
from factorsvc.domain.ports.journal import NoReceipt
from tests.builders import a_put
from tests.contracts.journal_server import puts_of
from tests.contracts.kafka_server import KafkaServer
from tests.contracts.server import later, read_class, records_of, soon, under_way, until, within
from tests.kafka.opened import random_bytes
from tests.servers.kafka_administrator import KafkaAdministrator


def journal_on(server: KafkaServer, request_timeout_s: float = 2.0) -> KafkaJournal:
    """A replica's access to the journal."""
    return server.admit(
        lambda access: KafkaJournal(
            replace(access, request_timeout_s=request_timeout_s), server.layout(), random_bytes, burial_timeout_s=1.0
        )
    )


async def test_what_was_sent_twice_is_there_once(server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The producer is idempotent: a batch whose answer was lost is sent again, and stored once (design 3)."""
    journal = journal_on(server, request_timeout_s=0.5)
    await within(journal.open())
    first, *puts = puts_of(3, 6)
    assert isinstance((await within(journal.append([first], later())))[0], int)  # so there is a producer
    asked: list[object] = []
    ask = Client.ask

    async def noted(client: Client, request: Request[Any], node_id: int | None = None) -> object:
        asked.append(type(request))
        return await ask(client, request, node_id)

    monkeypatch.setattr(Client, "ask", noted)

    async def has_lost_an_answer() -> bool:
        return ProduceRequest in asked and asked[-1] is MetadataRequest

    async with asyncio.TaskGroup() as group:
        await server.postpone()
        appending = await under_way(group, journal.append(puts, later()))
        await until(has_lost_an_answer)
        await server.heal()

    assert all(isinstance(receipt, int) for receipt in appending.result())
    assert asked.count(ProduceRequest) > 1
    assert records_of(await read_class(journal, 3)) == [first, *puts]


async def test_without_the_brokers_time_an_append_is_in_doubt(
    server: KafkaServer, administrator: KafkaAdministrator
) -> None:
    """An operator who has the topic keep the producers' times makes every receipt worthless, and none is trusted."""
    journal = journal_on(server)
    await within(journal.open())
    topic = server.layout().journal
    await administrator.set(topic.name, {**topic.fixed, **topic.initial, "message.timestamp.type": "CreateTime"})

    async def is_in_doubt() -> bool:
        return await journal.append([a_put()], later()) == [NoReceipt.UNKNOWN]

    await until(is_in_doubt)


async def test_after_an_overrun_the_next_append_lands(server: KafkaServer) -> None:
    """The producer that overran its deadline is replaced, and what it left behind holds up nobody."""
    journal = journal_on(server)
    await within(journal.open())
    lost, landed = puts_of(3, 2)
    await server.silence()
    assert await within(journal.append([lost], soon())) == [NoReceipt.UNKNOWN]
    assert await within(journal.append([lost], soon())) == [NoReceipt.NOT_SENT]
    await server.heal()

    assert isinstance((await within(journal.append([landed], later())))[0], int)
    assert records_of(await read_class(journal, 3)) == [landed]


async def test_closed_amid_all_that_it_does(server: KafkaServer) -> None:
    """`close` ends what is under way at once, also when no broker answers, and may be called again."""
    journal = journal_on(server)
    await within(journal.open())
    journal.read_from(3, 0)
    await server.silence()
    async with asyncio.TaskGroup() as group:
        appending = await under_way(group, journal.append([a_put(3)], later()))
        taking = await under_way(group, journal.take(10, 0.1))
        await within(journal.close())

    assert appending.result() == [NoReceipt.UNKNOWN]
    assert taking.result() == []
    await within(journal.close())
