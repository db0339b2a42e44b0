"""A broker that is written down: it says what a test has it say, when the test has it say that."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Final

from aiokafka.protocol.api import Request
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record import MemoryRecords

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Layout
from factorsvc.domain.errors import JournalUnavailableError

TOPIC: Final = Layout(prefix="test", classes=3).journal
NODE: Final = 1
PRODUCED_MS: Final = 1_000
"""The append time of everything."""

Partitions = list[tuple[Any, ...]]
Handler = Callable[[Partitions], Awaitable[Partitions]]
"""What a broker says of partitions that it was asked about."""


class ScriptedBroker:
    """Leads all partitions; a test replaces its handlers."""

    def __init__(self) -> None:
        """Be in good health."""
        self.producers = 0
        """How many have asked for an identity."""
        self.clients: list[ScriptedClient] = []
        self.asked: list[tuple[type[Request[Any]], Partitions]] = []
        """All requests about partitions, in their order."""
        self.handlers: dict[type[Request[Any]], Handler] = {
            ProduceRequest: acknowledge,
            OffsetRequest: ends,
            FetchRequest: nothing,
        }

    def client(self) -> Client:
        """One more client of it."""
        self.clients.append(ScriptedClient(self))
        return self.clients[-1]

    def asked_to(self, kind: type[Request[Any]]) -> list[Partitions]:
        """The requests of one kind."""
        return [partitions for each, partitions in self.asked if each is kind]

    async def answer(self, request: Request[Any]) -> Any:
        """Answer a request as the handler of its kind does."""
        if isinstance(request, InitProducerIdRequest):
            self.producers += 1
            return SimpleNamespace(error_code=0, producer_id=self.producers, producer_epoch=0)
        ((topic, partitions),) = vars(request)["_topics"]
        self.asked.append((type(request), partitions))
        return SimpleNamespace(topics=[(topic, await self.handlers[type(request)](partitions))])


class ScriptedClient(Client):
    """Asks a scripted broker until it is closed."""

    def __init__(self, broker: ScriptedBroker) -> None:
        super().__init__(Access(bootstrap_servers="nobody:1"))
        self._broker = broker
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Tell whether it asks no more."""
        return self._closed.is_set()

    async def ask(self, request: Request[Any], node_id: int | None = None) -> Any:
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(self._closed.wait())
            answering = group.create_task(self._answer(request))
            await asyncio.wait({closing, answering}, return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()
            answering.cancel()
        if answering.cancelled():
            raise JournalUnavailableError("closed")
        answer = answering.result()
        if isinstance(answer, JournalUnavailableError):
            raise answer
        return answer

    async def _answer(self, request: Request[Any]) -> Any:
        try:
            return await self._broker.answer(request)
        except JournalUnavailableError as error:
            return error

    async def describe(self, topics: object) -> Any:
        partitions = [(0, partition, NODE, [NODE], [NODE]) for partition in range(TOPIC.partitions)]
        return SimpleNamespace(topics=[(0, TOPIC.name, False, partitions)])

    def close(self) -> None:
        self._closed.set()


async def acknowledge(partitions: Partitions) -> Partitions:
    """All is appended."""
    return [(partition, 0, 0, PRODUCED_MS, 0) for partition, _ in partitions]


async def ends(partitions: Partitions) -> Partitions:
    """Each partition ends at ten times its number."""
    return [(partition, 0, -1, 10 * partition) for partition, _ in partitions]


async def nothing(partitions: Partitions) -> Partitions:
    """There is nothing to read, ever."""
    await asyncio.Event().wait()
    return partitions


def values_in(batch: bytes) -> list[bytes | None]:
    """The values of the records of a batch that was sent."""
    batches = MemoryRecords(batch)
    values = []
    while (each := batches.next_batch()) is not None:
        values += [record.value for record in each]
    return values
