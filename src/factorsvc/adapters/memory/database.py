"""One database in memory, in the shape of design 7: what can be left half done there can be left half done here.

Each method is as atomic as the command or the transaction that it stands for, and no more is: to compose them is up to
the storage. What a crash between two of them leaves behind is therefore the same as in a real database.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from operator import itemgetter
from zlib import crc32

from factorsvc.domain.ports.storage import Change, Want
from factorsvc.domain.question import Cursor, Page
from factorsvc.domain.record import Present
from factorsvc.domain.restoration import Position
from factorsvc.domain.value import class_of, join_members, primes_of

HASHES = 1 << 32
"""The range of `crc32`, by which a walk goes through a set."""


class ExpiryHints:
    """Values with the times from which they are gone, in the order of these: the sorted set `x` of one class."""

    def __init__(self) -> None:
        self._expiries: dict[int, int] = {}
        self._order: list[tuple[int, int]] = []

    def set(self, value: int, expires_at_ms: int) -> None:
        """Add a value, or move it to another time."""
        self.discard(value)
        self._expiries[value] = expires_at_ms
        insort(self._order, (expires_at_ms, value))

    def discard(self, value: int) -> None:
        """Remove a value if it is there."""
        if value in self._expiries:
            del self._order[bisect_left(self._order, (self._expiries.pop(value), value))]

    def before(self, before_ms: int, limit: int) -> list[tuple[int, int]]:
        """Up to `limit` times before `before_ms` with their values, earliest first."""
        end = bisect_left(self._order, before_ms, key=itemgetter(0))
        return self._order[: min(end, limit)]


class Database:
    """The view of one slot. Its `version` grows with every write to the view's meta data, which is what is watched."""

    def __init__(self) -> None:
        """Begin empty."""
        self.version = 0
        self.wipe()

    def wipe(self) -> None:
        """Lose everything, as by FLUSHALL."""
        self.version += 1
        self.epoch: int | None = None
        self.journal_id: bytes | None = None
        self.positions: dict[int, Position] = {}
        self.loading: dict[int, bytes] = {}
        self._values: dict[int, dict[int, Present]] = {}
        self._hints: dict[int, ExpiryHints] = {}
        self._index: dict[tuple[bytes, int], dict[bytes, int | None]] = {}

    @property
    def holds_view(self) -> bool:
        """Tell whether there is anything here beside the view, which by itself saves its next holder nothing."""
        return any(self._values.values())

    def set_epoch(self, epoch: int) -> None:
        """Note the epoch of a claim."""
        self.epoch = epoch
        self.version += 1

    def positions_of(self, classes: Iterable[int]) -> dict[int, Position]:
        """The positions of those of `classes` that have one."""
        return {class_id: self.positions[class_id] for class_id in classes if class_id in self.positions}

    def loading_of(self, classes: Iterable[int]) -> dict[int, bytes]:
        """The load ids of those of `classes` that are being loaded."""
        return {class_id: self.loading[class_id] for class_id in classes if class_id in self.loading}

    def presents_of(self, values: Iterable[int], classes: int) -> dict[int, Present]:
        """The states of those of `values` that have one."""
        found = {value: self._values.get(class_of(value, classes), {}).get(value) for value in values}
        return {value: present for value, present in found.items() if present is not None}

    def apply(self, before: Mapping[int, Present], change: Change, classes: int) -> None:
        """Do all of `change`; `before` are the states of the changed values as its maker saw them."""
        for value, present in change.presents.items():
            class_id = class_of(value, classes)
            if value in before:
                self.unindex(class_id, [before[value]])
            if present is None:
                self.drop_values(class_id, [value])
                self.drop_hints(class_id, [value])
            else:
                self._put(class_id, present)
        for class_id, position in change.positions.items():
            self.positions[class_id] = position
            self.loading.pop(class_id, None)
        for class_id, load_id in change.loading.items():
            self.loading[class_id] = load_id
            self.positions.pop(class_id, None)
        if change.journal_id is not None:
            self.journal_id = change.journal_id
        self.version += 1

    def _put(self, class_id: int, present: Present) -> None:
        self._values.setdefault(class_id, {})[present.value] = present
        hints = self._hints.setdefault(class_id, ExpiryHints())
        if present.expires_at_ms is None:
            hints.discard(present.value)
        else:
            hints.set(present.value, present.expires_at_ms)
        for prime in primes_of(present.member):
            self._index.setdefault((prime, class_id), {})[present.member] = present.expires_at_ms

    def unindex(self, class_id: int, presents: Iterable[Present]) -> None:
        """Remove the members of `presents` from the index."""
        for present in presents:
            for prime in primes_of(present.member):
                members = self._index.get((prime, class_id), {})
                members.pop(present.member, None)
                if not members:
                    self._index.pop((prime, class_id), None)

    def drop_values(self, class_id: int, values: Iterable[int]) -> None:
        """Remove the states of `values`."""
        for value in values:
            self._values.get(class_id, {}).pop(value, None)

    def drop_hints(self, class_id: int, values: Iterable[int]) -> None:
        """Remove the hints of `values`."""
        for value in values:
            self._hints.get(class_id, ExpiryHints()).discard(value)

    def drop_all_hints(self, class_id: int) -> None:
        """Remove the hints of a class."""
        self._hints.pop(class_id, None)

    def forget(self, classes: Collection[int]) -> bool:
        """Remove positions and load ids of `classes`; True if there were any, which is a write then."""
        known = [class_id for class_id in classes if class_id in self.positions or class_id in self.loading]
        for class_id in known:
            self.positions.pop(class_id, None)
            self.loading.pop(class_id, None)
        self.version += bool(known)
        return bool(known)

    def some(self, class_id: int, limit: int) -> list[Present]:
        """Up to `limit` states of a class, any."""
        return list(islice(self._values.get(class_id, {}).values(), limit))

    def expired(self, class_id: int, before_ms: int, limit: int) -> list[tuple[int, int]]:
        """Up to `limit` hints of expiry before `before_ms`, with their values, earliest first."""
        return self._hints[class_id].before(before_ms, limit) if class_id in self._hints else []

    def size(self, class_id: int) -> int:
        """How many values have a state."""
        return len(self._values.get(class_id, {}))

    def page(self, want: Want, now_ms: int, page_members: int) -> Page:
        """Whatever of a set is left from the cursor on if it has few members, else about a fifth of `page_members`.

        A walk goes through the hashes of the members in their order, so its cursor is a hash and nothing is kept
        between two steps: what is there all the while has one place, and comes when the walk passes it.
        """
        members = self._index.get((b"%d" % want.prime, want.class_id), {})
        position = self.positions.get(want.class_id)
        begin = 0 if want.cursor is None else int.from_bytes(want.cursor.position, "big")
        end = HASHES if len(members) <= page_members else begin + max(1, HASHES * page_members // (5 * len(members)))
        live = (member for member, expires_at_ms in members.items() if expires_at_ms is None or expires_at_ms > now_ms)
        if begin == 0 and end >= HASHES:
            return Page(join_members(live), None)
        cursor = None
        if end < HASHES and position is not None:
            cursor = Cursor(position.load_id, end.to_bytes(4, "big"))
        return Page(join_members(member for member in live if begin <= crc32(member) < end), cursor)
