"""A real broker, as the contracts want it: topics of the test alone, and a door for each client."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.bus import Part
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import RETENTION, Layout, Topic
from factorsvc.adapters.kafka.opening import Opening
from tests.contracts.journal_server import CLASSES
from tests.contracts.server import TroubledServer, within
from tests.servers.kafka_administrator import KafkaAdministrator, Kept
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.troubled_kafka import Door, Trouble, TroubledKafka

P = TypeVar("P", bound=Part)

DOORS: Final = 20
RETENTION_MS: Final = 1_000
_DAY_MS: Final = 24 * 60 * 60 * 1000
_NEVER_BY_ITSELF: Final = {
    "segment.ms": "1",  # each append goes into a segment of its own: only the last one is never compacted
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": str(_DAY_MS),
    RETENTION: str(RETENTION_MS),
}
_NOW: Final = {"min.compaction.lag.ms": "0"}


class KafkaServer(TroubledServer):
    """One broker, with topics and a group that no other test names."""

    def __init__(self, broker: KafkaBroker) -> None:
        """Prepare; `open` opens it."""
        self.prefix = f"test-{uuid4().hex}"
        self._broker = broker
        self._way = TroubledKafka(broker)
        self._free: list[Door] = []
        self._doors: dict[int, Door] = {}
        self._parts: list[Part] = []

    async def open(self) -> None:
        """Open doors, before the first client is made."""
        self._free = [await self._way.door() for _ in range(DOORS)]

    async def close(self) -> None:
        """End all clients, and remove what they have left on the broker."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(within(part.close()))
        await self._way.close()
        async with KafkaAdministrator(self._broker) as administrator:
            await administrator.delete(*(topic.name for topic in self.layout().topics))

    def layout(self, classes: int = CLASSES) -> Layout:
        """What a client is told of the topics."""
        return Layout(prefix=self.prefix, classes=classes, journal_settings=_NEVER_BY_ITSELF)

    def admit(self, make: Callable[[Access], P]) -> P:
        """Return what `make` makes of the access through a door of its own; it is closed in the end."""
        door = self._free.pop()
        part = make(Access(bootstrap_servers=door.bootstrap))
        self._parts.append(part)
        self._doors[id(part)] = door
        return part

    def door_of(self, part: object) -> Door:
        """The door that was given to `part`."""
        return self._doors[id(part)]

    async def make_topics(self) -> None:
        """Make what a journal that is opened makes, for clients that open none."""
        client = Client(Access(bootstrap_servers=self._broker.bootstrap))
        await within(Opening(client, self.layout(), bytes).open())
        client.close()

    def now_ms(self) -> int:
        """Return broker time: it runs on this machine."""
        return time.time_ns() // 1_000_000

    async def silence(self) -> None:
        self._way.meet(Trouble.SILENCE)

    async def postpone(self) -> None:
        self._way.meet(Trouble.POSTPONED)

    async def postponed(self) -> None:
        await self._way.postponed()

    async def refuse(self) -> None:
        self._way.meet(Trouble.REFUSED)

    async def heal(self) -> None:
        await within(self._way.heal())

    async def compact(self, class_id: int) -> None:
        """Compact all there is of a class of the journal, but for what was appended last."""
        journal = self.layout().journal
        async with KafkaAdministrator(self._broker) as administrator:
            await administrator.set(journal.name, {**journal.fixed, **journal.initial, **_NOW})
            await self._until(administrator, class_id, _is_compacted)

    async def drop_tombstones(self, class_id: int) -> None:
        """Have the tombstones of a class removed that were compacted.

        A compacted log is left alone until something is appended, and what is appended here is nothing to our readers.
        """
        async with KafkaAdministrator(self._broker) as administrator:
            await self._until(
                administrator, class_id, _has_no_tombstones, meanwhile=lambda: self.append_foreign(class_id)
            )

    async def append_foreign(self, class_id: int) -> None:
        """Append to a class of the journal what was not written by this service."""
        producer = AIOKafkaProducer(bootstrap_servers=self._broker.bootstrap, acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(self.layout().journal.name, b"by nobody", b"of us", partition=class_id)
        finally:
            await producer.stop()

    async def cut_topic(self, topic: Topic, partition: int, start: int = -1) -> None:
        """Remove all before `start`; -1: all there is. Brokers do so to no compacted topic, so it is none meanwhile."""
        settings = {**topic.fixed, **topic.initial}
        async with KafkaAdministrator(self._broker) as administrator:
            await administrator.set(topic.name, {**settings, "cleanup.policy": "delete", "retention.ms": "-1"})
            await administrator.cut(topic.name, partition, start)
            await administrator.set(topic.name, settings)

    async def delete(self) -> None:
        """Delete the journal."""
        async with KafkaAdministrator(self._broker) as administrator:
            await administrator.delete(self.layout().journal.name)

    async def _until(
        self,
        administrator: KafkaAdministrator,
        class_id: int,
        is_so: Callable[[list[Kept]], bool],
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        async with asyncio.timeout(30):
            while not is_so(await administrator.records(self.layout().journal.name, class_id)):
                if meanwhile is not None:
                    await meanwhile()


def _is_compacted(records: list[Kept]) -> bool:
    """Tell whether each key is there once; the last record is not looked at."""
    keys = [record.key for record in records[:-1]]
    return len(keys) == len(set(keys))


def _has_no_tombstones(records: list[Kept]) -> bool:
    return all(record.value is not None for record in records[:-1])
