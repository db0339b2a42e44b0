"""What a broker sent of one class: read record by record as it is taken, not before."""

from collections.abc import Iterator
from typing import Any, Self

from aiokafka.errors import CorruptRecordException
from aiokafka.record import MemoryRecords

from factorsvc.adapters.kafka.records import UnreadableError, record_in
from factorsvc.domain.errors import JournalMismatchError
from factorsvc.domain.record import Batch, Entry, Put, Tombstone


class Fetched:
    """Records of one class, without a gap from where they were asked for."""

    def __init__(self, class_id: int, start: int, data: bytes) -> None:
        """Hold `data`, which came when `start` was asked for: it may begin before that, and end within a batch."""
        self._class_id = class_id
        self._position = start
        self._batches = MemoryRecords(data)
        self._records: Iterator[Any] = iter(())
        self._batch_end = start
        self._unreadable: UnreadableError | None = None
        """What the record at the position is."""

    @classmethod
    def nothing(cls, class_id: int, start: int, end: int) -> Self:
        """There is nothing from `start` to `end`."""
        fetched = cls(class_id, start, b"")
        fetched._batch_end = end
        return fetched

    @property
    def is_empty(self) -> bool:
        """Tell whether all of it is taken."""
        return self._position >= self._batch_end and not self._batches.has_next()

    def take(self, limit: int) -> Batch:
        """Return the next entries, at most `limit`, and pass what compaction has emptied.

        Raises:
            JournalMismatchError: the next record is of a version that is not known here. It is not passed over.
            CorruptRecordException: the next batch is not what was once written.
        """
        start, entries = self._position, list[Entry]()
        while len(entries) < limit and self._unreadable is None:
            raw = next(self._records, None)
            if raw is None:
                self._position = max(self._position, self._batch_end)
                if not self._next_batch():
                    break
            elif raw.offset >= self._position:
                try:
                    record = record_in(raw.key, raw.value)
                except UnreadableError as error:
                    self._unreadable = error
                    break
                self._position = raw.offset + 1
                if isinstance(record, Put | Tombstone):
                    entries.append(Entry(raw.offset, raw.timestamp, record))
        if self._unreadable is not None and self._position == start:
            raise JournalMismatchError("a record", "of another version", "readable") from self._unreadable
        return Batch(self._class_id, start, self._position, entries)

    def _next_batch(self) -> bool:
        batch = self._batches.next_batch()
        if batch is None:
            return False
        if not batch.validate_crc():
            raise CorruptRecordException(f"a batch of class {self._class_id} before {batch.next_offset}")
        self._records = iter(()) if batch.is_control_batch else iter(batch)
        self._batch_end = batch.next_offset
        return True
