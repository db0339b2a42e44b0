"""Appends to statuses and mail share requests, and none is lost when one is given up."""

import asyncio
from typing import Any

import pytest
from aiokafka.protocol.api import Request
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record import MemoryRecords

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Layout
from factorsvc.adapters.kafka.sender import Sender
from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.errors import JournalUnavailableError
from tests.contracts.server import under_way, within

STAMP_MS = 1_000


class HeldTalk(Talk):
    """Answers when a test lets it, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(Client(Access(bootstrap_servers="nowhere:1")), Layout(prefix="test", classes=1).mail)
        self.sent: list[list[bytes | None]] = []
        self.go_on = asyncio.Event()
        self.fails = False

    async def ask(self, partition: int, request: Request[Any]) -> tuple[Any, ...]:
        assert isinstance(request, ProduceRequest)
        ((_, ((_, data),)),) = vars(request)["_topics"]
        batch = MemoryRecords(data).next_batch()
        assert batch is not None
        self.sent.append([record.value for record in batch])
        await self.go_on.wait()
        if self.fails:
            raise JournalUnavailableError("held")
        return partition, 0, 0, STAMP_MS


async def test_what_comes_while_one_is_under_way_goes_together() -> None:
    talk = HeldTalk()
    sender = Sender(talk)
    async with asyncio.TaskGroup() as group:
        tasks = [await under_way(group, sender.append(0, [b"%d" % number])) for number in range(100)]
        other = await under_way(group, sender.append(1, [b"other"]))
        talk.go_on.set()

    assert talk.sent == [[b"0"], [b"other"], [b"%d" % number for number in range(1, 100)]]
    assert [task.result() for task in (*tasks, other)] == [STAMP_MS] * 101


async def test_large_ones_go_one_by_one() -> None:
    talk = HeldTalk()
    sender = Sender(talk)
    large = bytes(400 * 1024)
    async with asyncio.TaskGroup() as group:
        parcels = [b"first"], [large, large], [large], [b"last"]
        tasks = [await under_way(group, sender.append(0, values)) for values in parcels]
        talk.go_on.set()

    assert [task.result() for task in tasks] == [STAMP_MS] * 4
    assert [len(sent) for sent in talk.sent] == [1, 1, 1, 2]


async def test_those_that_wait_for_the_same_broker_fail_with_it() -> None:
    talk = HeldTalk()
    talk.fails = True
    sender = Sender(talk)
    async with asyncio.TaskGroup() as group:
        tasks = [await under_way(group, _failing(sender.append(0, [b"%d" % number]))) for number in range(3)]
        talk.go_on.set()
    talk.fails = False

    assert [task.result() for task in tasks] == [True] * 3
    assert await within(sender.append(0, [b"after"])) == STAMP_MS
    assert talk.sent == [[b"0"], [b"after"]]


@pytest.mark.parametrize("given_up", [0, 1, 2])
async def test_others_are_sent_when_one_is_given_up(given_up: int) -> None:
    talk = HeldTalk()
    sender = Sender(talk)
    async with asyncio.TaskGroup() as group:
        tasks = [await under_way(group, sender.append(0, [b"%d" % number])) for number in range(3)]
        tasks[given_up].cancel()
        await asyncio.sleep(0)
        talk.go_on.set()

    assert [task.result() for task in tasks if not task.cancelled()] == [STAMP_MS] * 2
    sent = {value for values in talk.sent for value in values}
    assert sent >= {b"%d" % number for number in range(3) if number != given_up}


async def _failing(appending: Any) -> bool:
    try:
        await appending
    except JournalUnavailableError:
        return True
    return False
