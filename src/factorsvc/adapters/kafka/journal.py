"""The journal on Kafka: one compacted topic with a partition for each class (design 6)."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.appends import Appends
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.end_offsets import EndOffsets
from factorsvc.adapters.kafka.journal_reader import JournalReader
from factorsvc.adapters.kafka.layout import Layout
from factorsvc.adapters.kafka.opening import Opening
from factorsvc.adapters.kafka.producer import Producer
from factorsvc.adapters.kafka.records import Keyed, put_record, tombstone_record
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.journal import Journal, JournalFacts, NoReceipt, Receipt
from factorsvc.domain.record import Batch, Put, PutKey
from factorsvc.domain.value import class_of

_BATCH_BYTES: Final = 256 * 1024


class KafkaJournal(Journal):
    """Opens, appends, buries, asks and reads over clients of their own: no call waits behind one of another kind.

    So burials, of which there may be many thousands, hold up no POST, and a burial in trouble puts none in doubt.
    """

    def __init__(
        self, access: Access, layout: Layout, random_bytes: Callable[[int], bytes], *, burial_timeout_s: float = 5.0
    ) -> None:
        """Reach the brokers by `access`; the first call connects.

        Up to a thousand tombstones of a class are not acknowledged within `burial_timeout_s`: the burial has failed.
        """
        topic = layout.journal
        self._classes = layout.classes
        self._burial_timeout_s = burial_timeout_s
        self._opening_client = Client(access)
        self._opening = Opening(self._opening_client, layout, random_bytes)
        self._end_offsets = EndOffsets(Client(access), topic, timeout_s=access.request_timeout_s)
        self._reader = JournalReader(partial(Client, access), topic)

        def make_producer() -> Producer:
            return Producer(Client(access), topic, batch_bytes=_BATCH_BYTES, patience_s=access.request_timeout_s)

        self._appends = Appends(make_producer)
        self._burials = Appends(make_producer)

    @property
    def renewals(self) -> int:
        """How often reading was begun anew, because it made no progress."""
        return self._reader.renewals

    async def open(self) -> JournalFacts:
        facts = await self._opening.open()
        await self._appends.prepare()
        await self._burials.prepare()
        return facts

    async def append(self, puts: Sequence[Put], deadline: float) -> list[Receipt]:
        places: dict[int, list[int]] = {}
        for place, put in enumerate(puts):
            places.setdefault(self._class_of(put.value), []).append(place)
        records = {class_id: [put_record(puts[place]) for place in at] for class_id, at in places.items()}
        receipts = await self._appends.append(records, deadline)
        by_place = {
            place: receipt
            for class_id, at in places.items()
            for place, receipt in zip(at, receipts[class_id], strict=True)
        }
        return [by_place[place] for place in range(len(puts))]

    async def bury(self, keys: Sequence[PutKey]) -> None:
        records: dict[int, list[Keyed]] = {}
        for key in keys:
            records.setdefault(self._class_of(key.value), []).append(tombstone_record(key))
        thousands = 1 + max(map(len, records.values()), default=0) // 1000
        deadline = asyncio.get_running_loop().time() + thousands * self._burial_timeout_s
        receipts = await self._burials.append(records, deadline)
        if any(isinstance(receipt, NoReceipt) for of_class in receipts.values() for receipt in of_class):
            raise JournalUnavailableError("not every tombstone was acknowledged")

    async def end_offsets(self) -> Mapping[int, int]:
        return await self._end_offsets.ask()

    def read_from(self, class_id: int, offset: int) -> None:
        self._reader.read_from(class_id, offset)

    def stop_reading(self, classes: Collection[int]) -> None:
        self._reader.stop_reading(classes)

    async def take(self, limit: int, timeout_s: float) -> list[Batch]:
        return await self._reader.take(limit, timeout_s)

    async def close(self) -> None:
        """Close all connections: appends under way are in doubt. Idempotent, and bounded in time."""
        self._opening_client.close()
        await self._end_offsets.close()
        await self._appends.close()
        await self._burials.close()
        await self._reader.close()

    def _class_of(self, value: int) -> int:
        return class_of(value, self._classes)
