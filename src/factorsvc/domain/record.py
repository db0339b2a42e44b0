"""What the journal may say: puts and tombstones, each under the key of one put (design 6).

A key is a value and a put_id, never a value alone. With one key per value a clean-up tombstone could race with a new
POST, and compaction would then eat the POST; a tombstone for one dead put harms nobody, however late it comes.
"""

from collections.abc import Sequence
from typing import NamedTuple

PUT_ID_BYTES = 12
"""96 random bits: two puts of one value never share an id."""


class PutKey(NamedTuple):
    """The identity of one put."""

    value: int
    put_id: bytes


class Put(NamedTuple):
    """The state of a value from its place in the journal on; immutable, appended at most once."""

    value: int
    put_id: bytes
    member: bytes
    """The value with its prime factors, see `factorsvc.domain.value`."""
    expires_at_ms: int | None
    """Cluster time from which the value is no longer there; None: it lives for ever."""
    append_by_ms: int
    """Broker time up to which the append counts; landing later makes the put void."""

    @property
    def key(self) -> PutKey:
        """What a tombstone for this put names."""
        return PutKey(self.value, self.put_id)


class Tombstone(NamedTuple):
    """Lets compaction forget one dead put, and removes the value if that put is its present one."""

    value: int
    put_id: bytes


class Entry(NamedTuple):
    """A record at its place in the journal of one class."""

    offset: int
    append_time_ms: int
    """Broker time of the append (`LogAppendTime`)."""
    record: Put | Tombstone


class Batch(NamedTuple):
    """What was read of one class in one go: all there is from `start` to `end`, which compaction may have thinned."""

    class_id: int
    start: int
    """Offset from which was read."""
    end: int
    """Offset to read next. `end` > the last entry's offset where compaction removed what followed it."""
    entries: Sequence[Entry]


class Present(NamedTuple):
    """The put that is the state of a value, as a view keeps it. An expired one is kept, hidden, until it is buried."""

    value: int
    put_id: bytes
    member: bytes
    expires_at_ms: int | None

    @property
    def key(self) -> PutKey:
        """What a tombstone for this put names."""
        return PutKey(self.value, self.put_id)

    def has_expired(self, now_ms: int) -> bool:
        """Tell whether the value is gone at cluster time `now_ms` (P6: at its expiry it is gone already)."""
        return self.expires_at_ms is not None and self.expires_at_ms <= now_ms
