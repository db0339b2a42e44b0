"""What compaction makes of one class of the journal, as Kafka's log cleaner does it. Pure: records in, records out."""

from collections.abc import Sequence
from typing import NamedTuple

from factorsvc.adapters.memory.partition import Stored
from factorsvc.domain.record import Put, PutKey, Tombstone


class JournalId(NamedTuple):
    """The record that names a journal; the first one of its class 0 counts. No reader of puts ever sees it."""

    journal_id: bytes


JournalRecord = Put | Tombstone | JournalId
"""What the journal stores."""


def compacted(
    records: Sequence[Stored[JournalRecord]], below: int, seen_below: int, now_ms: int
) -> list[Stored[JournalRecord]]:
    """Return `records` without those below `below` that a later one of their key makes needless.

    The later one must be below `seen_below`: the cleaner looks at so much of the log before it rewrites segments one
    after the other, and may stop at any of them. So an older tombstone can be there still when what it buried is gone,
    and the other way round. A tombstone that stays begins to wait for its own removal.
    """
    newest = {_key(stored.record): stored.offset for stored in records if stored.offset < seen_below}
    kept = []
    for stored in records:
        if stored.offset >= min(below, seen_below):
            kept.append(stored)
        elif newest[_key(stored.record)] == stored.offset:
            kept.append(_passed_over(stored, now_ms))
    return kept


def without_old_tombstones(
    records: Sequence[Stored[JournalRecord]], compacted_by_ms: int
) -> list[Stored[JournalRecord]]:
    """Return `records` without the tombstones that compaction passed over at `compacted_by_ms` or before.

    One that still has a record of its key before it stays, or that record would come back to life.
    """
    earlier: set[PutKey | JournalId] = set()
    kept = []
    for stored in records:
        at_ms, key = stored.compacted_at_ms, _key(stored.record)
        is_old = isinstance(stored.record, Tombstone) and at_ms is not None and at_ms <= compacted_by_ms
        if key in earlier or not is_old:
            kept.append(stored)
            earlier.add(key)
    return kept


def _passed_over(stored: Stored[JournalRecord], now_ms: int) -> Stored[JournalRecord]:
    if stored.compacted_at_ms is not None or not isinstance(stored.record, Tombstone):
        return stored
    return stored._replace(compacted_at_ms=now_ms)


def _key(record: JournalRecord) -> PutKey | JournalId:
    return record if isinstance(record, JournalId) else PutKey(record.value, record.put_id)
