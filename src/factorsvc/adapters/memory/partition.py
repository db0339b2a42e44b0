"""One partition of a log: records by offset, with holes where compaction has been. No clock, no waiting, no network."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

R = TypeVar("R")

_offset = attrgetter("offset")


class Stored(NamedTuple, Generic[R]):
    """A record at its place."""

    offset: int
    append_time_ms: int
    """By the broker's clock (`LogAppendTime`)."""
    record: R
    compacted_at_ms: int | None = None
    """When compaction first passed over it; from then on a tombstone's time runs (KIP-534)."""


class Slice(NamedTuple, Generic[R]):
    """What was read of a partition in one go."""

    start: int
    end: int
    """Where to read on: the offset of the next record, or the partition's end. Holes are passed over."""
    records: Sequence[Stored[R]]


class Partition(Generic[R]):
    """Records in the order of their offsets. An offset is used once and never moves, whatever is removed around it."""

    def __init__(self) -> None:
        self._records: list[Stored[R]] = []
        self.start = 0
        """The first offset that may be read from; later than 0 where a beginning was cut off."""
        self.end = 0
        """The offset that the next record gets."""

    @property
    def records(self) -> Sequence[Stored[R]]:
        """All there is, by offset."""
        return self._records

    def append(self, records: Iterable[R], append_time_ms: int) -> None:
        """Append `records`, all with one append time, as a broker does with a batch."""
        for record in records:
            self._records.append(Stored(self.end, append_time_ms, record))
            self.end += 1

    def has(self, offset: int) -> bool:
        """Tell whether one may read from `offset`: the end counts, where the next record will be."""
        return self.start <= offset <= self.end

    def backlog(self, offset: int) -> int:
        """Return how many records there are from `offset` on."""
        return len(self._records) - self._index(offset)

    def read(self, offset: int, limit: int) -> Slice[R]:
        """Return the first `limit` records from `offset` on."""
        first = self._index(offset)
        last = first + limit
        end = self._records[last].offset if last < len(self._records) else self.end
        return Slice(offset, end, self._records[first:last])

    def replace(self, records: Sequence[Stored[R]]) -> None:
        """Keep only `records`, some of those that are there. Start and end stay: what goes leaves holes."""
        self._records = list(records)

    def cut(self, start: int) -> None:
        """Cut off all before `start`, as retention does: whoever stood there finds a gap."""
        del self._records[: self._index(start)]
        self.start = max(self.start, min(start, self.end))

    def cut_older(self, append_time_ms: int) -> None:
        """Cut off the records before the first one that was appended at `append_time_ms` or later."""
        kept = (stored.offset for stored in self._records if stored.append_time_ms >= append_time_ms)
        self.cut(next(kept, self.end))

    def _index(self, offset: int) -> int:
        if offset == self.end:  # most reads are at the end, where nothing is new
            return len(self._records)
        return bisect_left(self._records, offset, key=_offset)
