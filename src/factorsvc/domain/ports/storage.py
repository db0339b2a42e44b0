"""The port to one database: the view of the classes that a replica holds (design 6 and 7).

One task of a replica writes, through `look`, `commit`, `remove`, `forget` and `clear`; any task may `read`. A `Storage`
belongs to one claim of a slot and ends with it.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from factorsvc.domain.question import Cursor, Page
from factorsvc.domain.record import Present, PutKey
from factorsvc.domain.restoration import Position


class Snapshot(NamedTuple):
    """The view as it was at one look; a commit that builds on it fails if anything was written since."""

    journal_id: bytes | None
    """The journal that the view was made from; None: the database holds no view."""
    positions: Mapping[int, Position]
    """Of the classes looked at, those that are loaded whole."""
    loading: Mapping[int, bytes]
    """Of the classes looked at, the load id of those whose cold load was begun and not ended."""
    presents: Mapping[int, Present]
    """Of the values looked at, those that have a state."""
    session: int
    """Another number whenever the writing connection was made anew: what was acknowledged before may be lost."""
    version: int
    """The adapter's own mark of this look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one commit does to the view, all of it or nothing."""

    presents: Mapping[int, Present | None] = field(default_factory=dict)
    """New state by value. Each value that has a state before must be in the snapshot's `presents`."""
    positions: Mapping[int, Position] = field(default_factory=dict)
    """New position by class; a load under way is over with it."""
    loading: Mapping[int, bytes] = field(default_factory=dict)
    """Load id by class of the cold loads that begin."""
    journal_id: bytes | None = None
    """The journal that the view is of from here on; None: as before."""


class Want(NamedTuple):
    """One prime in one class, from the beginning or from a cursor."""

    prime: int
    class_id: int
    cursor: Cursor | None = None


class Reading(NamedTuple):
    """Pages, and what the view was before and after they were taken: it is for the reader to decide if that will do."""

    before: Mapping[int, Position]
    after: Mapping[int, Position]
    pages: Sequence[Page]
    """In the order of the wants. A value put again while it is walked may come twice over the pages of one want."""


class Storage(Protocol):
    """One database, confined to it by the server.

    Every method may raise `SlotLostError` (the server refuses this claim) and `StorageUnavailableError` (no answer;
    what was asked for may have been done, or be done later: look again). A cancelled call leaves the same doubt.

    Where no server confines it (ADR 6) a full database may take no removals either: `StorageFullError` of them too.
    """

    @abstractmethod
    async def look(self, classes: Collection[int], values: Collection[int] = ()) -> Snapshot:
        """Return the view's meta data, that of `classes`, and the states of `values`; watch the view from here on."""

    @abstractmethod
    async def commit(self, snapshot: Snapshot, change: Change) -> None:
        """Apply `change` at once and whole, unless the view was written since `snapshot` was taken.

        A commit whose answer is lost may be applied late, but only if nothing else was written in between.

        Raises:
            StorageConflictError: something was written since, or a later look was taken; nothing is applied.
            StorageFullError: the database takes no more writes; nothing is applied.
        """

    @abstractmethod
    async def remove(self, snapshot: Snapshot, keys: Collection[PutKey]) -> None:
        """Remove the values whose present put in `snapshot` is one of `keys`, and hints of expiry without a value.

        The hints are those of all values that `snapshot` looked at and found no state of. For the sweeper, and safe to
        repeat. Works when the database is full too, then in steps outside a transaction: not while an earlier commit
        without an answer may still be applied, as that could happen between two steps.

        Raises:
            StorageConflictError: something was written since `snapshot` was taken; nothing is removed.
            RemovalUnknownError: the answer to a step outside a transaction was lost, so it may happen at any later
                time; or an earlier commit without an answer is in the way.
        """

    @abstractmethod
    async def forget(self, classes: Collection[int]) -> None:
        """Remove positions and load ids of `classes`: what else there is of them is garbage then. Works when full."""

    @abstractmethod
    async def clear(self, class_id: int, limit: int) -> bool:
        """Remove about `limit` values of a class that was forgotten; True when none is left. Works when full.

        Raises:
            RemovalUnknownError: the answer was lost; the removal may happen at any later time.
        """

    @abstractmethod
    async def expired(self, classes: Collection[int], before_ms: int, limit: int) -> list[int]:
        """Return values of `classes` that seem to have expired before `before_ms`, earliest first, `limit` a class.

        A hint: the value may be gone or have another expiry by now, which `look` tells.
        """

    @abstractmethod
    async def read(self, wants: Sequence[Want], as_of_ms: int) -> Reading:
        """Return a page for each want, without values that had expired at `as_of_ms`, which may be a while ago.

        A page without cursor has all that is left. Over the pages of one want, as long as the class's load id stays
        the same, every member comes at least once that was there from the first page to the last (P9: no page holds
        the server up, and none is larger than some hundred kilobytes).
        """

    @abstractmethod
    async def sizes(self, classes: Collection[int]) -> Mapping[int, int]:
        """Return how many values each of `classes` holds, expired ones included."""
