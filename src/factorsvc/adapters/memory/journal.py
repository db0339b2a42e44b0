"""The journal as one replica reaches it."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from math import ceil

from factorsvc.adapters.memory.compaction import JournalId, JournalRecord
from factorsvc.adapters.memory.connection import Connection
from factorsvc.adapters.memory.journal_reader import JournalReader
from factorsvc.adapters.memory.link import LinkDownError
from factorsvc.adapters.memory.shared_journal import JournalSettings, SharedJournal
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError
from factorsvc.domain.ports.journal import Journal, JournalFacts, NoReceipt, Receipt
from factorsvc.domain.record import Batch, Put, PutKey, Tombstone
from factorsvc.domain.value import class_of

_ID_BYTES = 16


class MemoryJournal(Journal):
    """Appends over one connection, asks over another and reads over a third: no call waits behind one of another kind.

    What a broker acknowledges at once are batches, so a longer run of one class may land in part.
    """

    def __init__(
        self,
        journal: SharedJournal,
        connect: Callable[[], Connection],
        *,
        classes: int,
        random_bytes: Callable[[int], bytes],
        batch_records: int,
    ) -> None:
        """Reach `journal`. At most `batch_records` records of a class are appended, or fail, as one."""
        self._journal = journal
        self._appends = connect()
        self._asks = connect()
        self._reader = JournalReader(journal, connect())
        self._settings = JournalSettings(classes)
        self._random_bytes = random_bytes
        self._batch_records = batch_records

    async def open(self) -> JournalFacts:
        try:
            return await self._open()
        except LinkDownError as error:
            raise JournalUnavailableError from error

    async def append(self, puts: Sequence[Put], deadline: float) -> list[Receipt]:
        places: dict[int, list[int]] = {}
        for place, put in enumerate(puts):
            places.setdefault(self._class_of(put.value), []).append(place)
        receipts = await self._append(
            {class_id: [puts[place] for place in at] for class_id, at in places.items()}, deadline
        )
        by_place = {
            place: receipt
            for class_id, at in places.items()
            for place, receipt in zip(at, receipts[class_id], strict=True)
        }
        return [by_place[place] for place in range(len(puts))]

    async def bury(self, keys: Sequence[PutKey]) -> None:
        tombstones: dict[int, list[JournalRecord]] = {}
        for key in keys:
            tombstones.setdefault(self._class_of(key.value), []).append(Tombstone(*key))
        batches = ceil(max(map(len, tombstones.values()), default=0) / self._batch_records)
        patience_s = batches * self._appends.request_timeout_s
        receipts = await self._append(tombstones, asyncio.get_running_loop().time() + patience_s)
        if any(isinstance(receipt, NoReceipt) for of_class in receipts.values() for receipt in of_class):
            raise JournalUnavailableError("not every tombstone was acknowledged")

    async def end_offsets(self) -> Mapping[int, int]:
        try:
            return await self._asks.call(self._journal.ends)
        except LinkDownError as error:
            raise JournalUnavailableError from error

    def read_from(self, class_id: int, offset: int) -> None:
        self._reader.read_from(class_id, offset)

    def stop_reading(self, classes: Collection[int]) -> None:
        self._reader.stop_reading(classes)

    async def take(self, limit: int, timeout_s: float) -> list[Batch]:
        return await self._reader.take(limit, timeout_s)

    def _class_of(self, value: int) -> int:
        return class_of(value, self._settings.classes)

    async def _open(self) -> JournalFacts:
        journal, call = self._journal, self._asks.call
        found = await call(partial(journal.make, self._settings))
        for setting, wanted in self._settings._asdict().items():
            if (actual := getattr(found, setting)) != wanted:
                raise JournalMismatchError(setting, str(actual), str(wanted))
        while (journal_id := await call(journal.first_id)) is None:
            # Sixteen replicas may do so at once: each names the journal differently, and the first name counts.
            await call(partial(journal.append, 0, [JournalId(self._random_bytes(_ID_BYTES))]))
        return JournalFacts(journal_id, journal.retention_ms)

    async def _append(
        self, records: Mapping[int, Sequence[JournalRecord]], deadline: float
    ) -> dict[int, list[Receipt]]:
        """Append the records of each class, all classes side by side, and return their receipts."""
        async with asyncio.TaskGroup() as group:
            tasks = {
                class_id: group.create_task(
                    self._append_in_order(class_id, of_class, deadline), name=f"append to class {class_id}"
                )
                for class_id, of_class in records.items()
            }
        return {class_id: task.result() for class_id, task in tasks.items()}

    async def _append_in_order(self, class_id: int, records: Sequence[JournalRecord], deadline: float) -> list[Receipt]:
        """Append in batches, each after the one before was acknowledged.

        The first one that fails is the last that is sent: it may land later still, and what follows it must not lie
        before it.
        """
        now = asyncio.get_running_loop().time
        receipts: list[Receipt] = []
        for start in range(0, len(records), self._batch_records):
            if now() >= deadline:
                break
            batch = records[start : start + self._batch_records]
            try:
                effect = partial(self._journal.append, class_id, batch)
                append_time_ms = await self._appends.call(effect, deadline - now())
            except LinkDownError as error:
                if error.sent:
                    receipts += [NoReceipt.UNKNOWN] * len(batch)
                break
            receipts += [append_time_ms] * len(batch)
        return receipts + [NoReceipt.NOT_SENT] * (len(records) - len(receipts))
