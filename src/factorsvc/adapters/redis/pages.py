"""How the sets of one reading are asked for, so that no page is too large and nobody waits for long (design 7, P9).

The server does the commands of one write in one go, and nothing for others meanwhile. So it is not enough that each
command is short: what one write asks for has a limit too, about one set of the size that is still read whole.

Nothing is sent here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.layout import FOR_EVER, Layout, field_of, live_members
from factorsvc.domain.ports.storage import Want
from factorsvc.domain.question import Cursor, Page
from factorsvc.domain.restoration import Position
from factorsvc.domain.value import join_members

PAGE_BYTES = 256 * 1024
"""A set with more bytes than these is walked, however few its members are."""
_GLANCE_MEMBERS = 100
"""So many members of each set are asked for at first, or more where there are few sets: all, for nearly every prime."""
_STEPS_PER_PAGE = 5
"""A member costs the server five times as much in a step of a walk as in a range, so a step has a fifth of a page."""


class _Glance(NamedTuple):
    """What was seen of a set that a glance did not exhaust, or that has too many bytes."""

    members: int
    size: int
    """In bytes."""


class _Query(NamedTuple):
    """How such a set is read in a second try."""

    place: int
    """Of its want."""
    command: Command
    is_step: bool
    """Tell whether this is the first step of a walk, or else the whole set."""
    weight: int
    """What it costs the server, in members of a range."""


class Pages:
    """The pages of one reading as they come.

    1. A glance at each set, which for a want with a cursor is the next step of its walk. 2. The sizes of the sets that
    are larger. 3. Of these the whole, or the first step of a walk, some at a time.
    """

    def __init__(self, layout: Layout, wants: Sequence[Want], as_of_ms: int, page_members: int) -> None:
        """Find a page for each of `wants`, of which there is one at least."""
        self._wants = wants
        self._keys = [layout.index(field_of(want.prime), want.class_id) for want in wants]
        self._as_of_ms = as_of_ms
        self._page_members = page_members
        self._step_members = max(1, page_members // _STEPS_PER_PAGE)
        self._glance_members = min(page_members, max(_GLANCE_MEMBERS, page_members // len(wants)))
        self._large: dict[int, _Glance] = {}
        self._queries: list[_Query] = []
        self._pages: dict[int, Page] = {}

    def glances(self) -> list[Command]:
        """The commands for a first look."""
        limit = ("LIMIT", 0, self._glance_members + 1)
        return [
            (*self._range(key), *limit) if want.cursor is None else self._step(key, want.cursor.position)
            for key, want in zip(self._keys, self._wants, strict=True)
        ]

    def take_glances(self, replies: Iterable[Any], positions: Mapping[int, Position]) -> None:
        """Note what was seen; `positions` are those of the view from before."""
        self._positions = positions
        for place, (want, reply) in enumerate(zip(self._wants, replies, strict=True)):
            if want.cursor is not None:
                self._pages[place] = self._step_page(place, reply)
                continue
            page = join_members(reply)
            if len(reply) <= self._glance_members and len(page) <= PAGE_BYTES:
                self._pages[place] = Page(page, None)
            else:
                self._large[place] = _Glance(len(reply), len(page) + 1)

    def sizes(self) -> list[Command]:
        """The commands for the sizes of the sets that were not exhausted; none if all were."""
        return [("ZCARD", self._keys[place]) for place in self._large]

    def take_sizes(self, replies: Iterable[int]) -> None:
        """Choose how to read these sets."""
        for (place, seen), members in zip(self._large.items(), replies, strict=True):
            key = self._keys[place]
            if members > self._page_members or members * seen.size > PAGE_BYTES * seen.members:
                self._queries.append(_Query(place, self._step(key, b"0"), is_step=True, weight=self._page_members))
            else:
                self._queries.append(_Query(place, self._range(key), is_step=False, weight=members))

    def batches(self) -> Iterator[list[_Query]]:
        """What to ask in one write each."""
        batch: list[_Query] = []
        weight = 0
        for query in self._queries:
            if batch and weight + query.weight > self._page_members:
                yield batch
                batch, weight = [], 0
            batch.append(query)
            weight += query.weight
        if batch:
            yield batch

    def take(self, batch: Sequence[_Query], replies: Iterable[Any]) -> None:
        """Note what a batch has found."""
        for query, reply in zip(batch, replies, strict=True):
            place = query.place
            self._pages[place] = self._step_page(place, reply) if query.is_step else Page(join_members(reply), None)

    def in_order(self) -> list[Page]:
        """The pages, when all are there."""
        return [self._pages[place] for place in range(len(self._wants))]

    def _range(self, key: bytes) -> Command:
        return "ZRANGEBYSCORE", key, b"(%d" % self._as_of_ms, FOR_EVER

    def _step(self, key: bytes, position: bytes) -> Command:
        return "ZSCAN", key, position, "COUNT", self._step_members

    def _step_page(self, place: int, reply: Sequence[Any]) -> Page:
        following, scanned = reply
        position = self._positions.get(self._wants[place].class_id)
        cursor = None if following == b"0" or position is None else Cursor(position.load_id, following)
        return Page(join_members(live_members(scanned, self._as_of_ms)), cursor)
