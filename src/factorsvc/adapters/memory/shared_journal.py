"""The broker's side of the journal: made by whoever comes first, kept by compaction, and deleted by an operator."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from factorsvc.adapters.memory.compaction import JournalId, JournalRecord, compacted, without_old_tombstones
from factorsvc.adapters.memory.link import LinkDownError
from factorsvc.adapters.memory.shared_log import Fetched, SharedLog

_LEAST_DIRTY = 1_000
"""Records appended to a class before it is worth being cleaned."""


class JournalSettings(NamedTuple):
    """The settings of the journal that must be as wanted. They are those of the one who made it."""

    classes: int
    cleanup_policy: str = "compact"
    timestamp_type: str = "LogAppendTime"


class SharedJournal:
    """The journal of all replicas. Its methods are effects in the sense of `factorsvc.adapters.memory.link`."""

    def __init__(self, now_ms: Callable[[], int], retention_ms: int, dirty_ratio: float | None = None) -> None:
        """Begin without a journal.

        A class is cleaned by itself once the share `dirty_ratio` of its records came after its last cleaning
        (`min.cleanable.dirty.ratio`); None: on command only.
        """
        self.retention_ms = retention_ms
        self.settings: JournalSettings | None = None
        self._now_ms = now_ms
        self._dirty_ratio = dirty_ratio
        self._dirty: dict[int, int] = {}
        self._log: SharedLog[JournalRecord] | None = None

    @property
    def log(self) -> SharedLog[JournalRecord]:
        """The log.

        Raises:
            LinkDownError: there is no journal, so a client knows nobody to send to.
        """
        if self._log is None:
            raise LinkDownError("there is no journal", sent=False)
        return self._log

    def make(self, wanted: JournalSettings) -> JournalSettings:
        """Make the journal, if there is none, and return its settings."""
        if self.settings is None:
            self.settings = wanted
            self._log = SharedLog(wanted.classes, self._now_ms)
            self._dirty = dict.fromkeys(range(wanted.classes), 0)
        return self.settings

    def delete(self) -> None:
        """Delete the journal with all that is in it, as an operator does by mistake."""
        self.settings = self._log = None

    def first_id(self) -> bytes | None:
        """Return the journal's id, None as long as nobody has given it one."""
        records = (stored.record for stored in self.log.partitions[0].records)
        return next((record.journal_id for record in records if isinstance(record, JournalId)), None)

    def ends(self) -> dict[int, int]:
        """Return the end offset of each class."""
        return self.log.ends()

    def fetch(self, positions: Mapping[int, int], limit: int) -> Fetched[JournalRecord]:
        """Read from `positions`; see `SharedLog.fetch`."""
        return self.log.fetch(positions, limit)

    def append(self, class_id: int, records: Sequence[JournalRecord]) -> int:
        """Append `records` and return their append time."""
        append_time_ms = self.log.append(class_id, records)
        self._dirty[class_id] += len(records)
        if self._dirty_ratio is not None:
            total = len(self.log.partitions[class_id].records)
            if self._dirty[class_id] >= max(_LEAST_DIRTY, self._dirty_ratio * total):
                self.compact(class_id)
                self.drop_tombstones(class_id)
        return append_time_ms

    def compact(self, class_id: int, below: int | None = None, seen_below: int | None = None) -> None:
        """Remove what is below `below` and has a later record of its key below `seen_below`; None: the end."""
        partition = self.log.partitions[class_id]
        below = partition.end if below is None else below
        seen_below = partition.end if seen_below is None else seen_below
        partition.replace(compacted(partition.records, below, seen_below, self._now_ms()))
        self._dirty[class_id] = 0

    def drop_tombstones(self, class_id: int) -> None:
        """Remove the tombstones that were there for `retention_ms` since compaction first passed over them."""
        partition = self.log.partitions[class_id]
        partition.replace(without_old_tombstones(partition.records, self._now_ms() - self.retention_ms))
