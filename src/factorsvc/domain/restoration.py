"""Restoring a class: from which offset its view can go on, when a view is worthless, and the fold of a cold load."""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from factorsvc.domain.fold import fold_entry
from factorsvc.domain.record import Batch, Present, PutKey, Tombstone


class Position(NamedTuple):
    """How far a view has applied the journal of one class. A class without a position holds garbage at most."""

    load_id: bytes
    """Random id of the cold load that made this view of the class; a wiped or remade class has another one, or none."""
    next_offset: int
    verified_at_ms: int
    """Cluster time at which the view had applied all that the journal held then."""


class Worthless(Enum):
    """Why a view of a class must be thrown away and rebuilt from the journal's beginning."""

    ABSENT = "the database holds no view of the class"
    BEYOND = "its position lies beyond the journal's end"
    OLD = "tombstones that it has not seen may be gone"


def judge(position: Position | None, end: int, now_ms: int, retention_ms: int) -> Worthless | None:
    """Say why a view at `position` may not be resumed or go on, None if it may (design 6, rule 2).

    `end` is the journal's end offset of the class, `now_ms` the cluster time taken before it was asked for,
    `retention_ms` the topic's actual `delete.retention.ms`. Half of the retention is the limit, so that what is judged
    young enough now has another half to act upon it.
    """
    if position is None:
        return Worthless.ABSENT
    if position.next_offset > end:
        return Worthless.BEYOND
    if is_old(position.verified_at_ms, now_ms, retention_ms):
        return Worthless.OLD
    return None


def is_old(verified_at_ms: int, now_ms: int, retention_ms: int) -> bool:
    """Tell whether tombstones may have been dropped that a view verified at `verified_at_ms` has not seen."""
    return now_ms - verified_at_ms > retention_ms // 2


class ColdLoad:
    """The fold of one class from the journal's beginning, in memory, until it is written.

    Bad without the burials, step by step: the log holds p1, p2 (p2 supersedes p1, no tombstone of p1 yet); the load
    writes p2; p2 expires and is buried; compaction drops p2 and its tombstone; p1 is still there, and the next load
    brings it back. So what is found dead is buried before the first write (design 6, rule 5).
    """

    def __init__(self, class_id: int, load_id: bytes, started_at_ms: int) -> None:
        """Begin the load `load_id`; `started_at_ms` is the cluster time before the first read."""
        self.class_id = class_id
        self.load_id = load_id
        self.started_at_ms = started_at_ms
        self.next_offset = 0
        self._presents: dict[int, Present] = {}
        self._unburied: dict[PutKey, None] = {}

    def fold(self, batch: Batch) -> bool:
        """Fold `batch`; False, and nothing folded, when records are missing between what was folded and its start."""
        if batch.start > self.next_offset:
            return False
        for entry in batch.entries:
            if entry.offset < self.next_offset:
                continue
            record = entry.record
            present, died = fold_entry(self._presents.get(record.value), entry)
            if present is None:
                self._presents.pop(record.value, None)
            else:
                self._presents[record.value] = present
            if isinstance(record, Tombstone):
                self._unburied.pop(PutKey(*record), None)
            if died is not None:
                self._unburied[died] = None
        self.next_offset = max(self.next_offset, batch.end)
        return True

    @property
    def unburied(self) -> tuple[PutKey, ...]:
        """The dead whose tombstone was not seen in the log, in the order of their death."""
        return tuple(self._unburied)

    def chunks(self, size: int) -> Iterator[list[Present]]:
        """The states to write, in chunks of at most `size`; an expired one too, hidden, for the sweeper to bury."""
        presents = list(self._presents.values())
        return (presents[start : start + size] for start in range(0, len(presents), size))
