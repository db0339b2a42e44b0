"""Reading a database: many tasks at once, each over a connection that is lent to it (design 7, P9).

The server does the commands that come in one write in one go, and nothing for others meanwhile. So it is not enough
that each command is short: what is asked for in one write has a limit too.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import merge
from operator import itemgetter
from typing import Any, NamedTuple

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.connections import SlotConnection, SlotConnections
from factorsvc.adapters.redis.layout import FOR_EVER, Layout, field_of, live_members, positions_in
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.domain.ports.storage import Reading, Want
from factorsvc.domain.question import Cursor, Page
from factorsvc.domain.restoration import Position
from factorsvc.domain.value import join_members

GLANCE_MEMBERS = 100
"""So many members are asked for at first: all, for nearly every prime. A larger set is then read in a second try."""
PAGE_BYTES = 256 * 1024
"""A set with more bytes than these is walked, however few its members are."""
STEPS_PER_PAGE = 5
"""A step of a walk takes a fifth of the members that a page may have: each of them costs the server about five times as
much as in a range."""


class _Query(NamedTuple):
    """What is asked for a want, when a glance has shown that its set is large."""

    place: int
    """Of the want."""
    command: Command
    weight: int
    """What it costs the server, in members of a range."""
    is_step: bool
    """Tell whether it is the first step of a walk."""


class Reader:
    """Reads one database."""

    def __init__(self, connections: SlotConnections, layout: Layout, page_members: int) -> None:
        """Read over `connections`, sets of more than `page_members` in steps."""
        self._connections = connections
        self._layout = layout
        self._page_members = page_members
        self._glance_members = min(GLANCE_MEMBERS, page_members)
        self._step_members = max(1, page_members // STEPS_PER_PAGE)

    async def read(self, wants: Sequence[Want], as_of_ms: int) -> Reading:
        """Keep the promise of `Storage.read`, in one round trip if no set is large."""
        if not wants:
            return Reading({}, {}, [])
        classes = list(dict.fromkeys(want.class_id for want in wants))
        view: Command = ("HMGET", self._layout.view, *map(field_of, classes))
        with self._connections.lent() as connection:
            glances = [self._glance(want, as_of_ms) for want in wants]
            first, *replies, last = require_done(await connection.ask(view, *glances, view))
            before = positions_in(classes, first)
            pages: dict[int, Page] = {}
            large: dict[int, list[bytes]] = {}
            for place, (want, reply) in enumerate(zip(wants, replies, strict=True)):
                if want.cursor is not None:
                    pages[place] = _step_page(reply, before.get(want.class_id), as_of_ms)
                elif len(reply) <= self._glance_members:
                    pages[place] = Page(join_members(reply), None)
                else:
                    large[place] = reply
            if large:
                queries = await self._queries(connection, wants, large, as_of_ms)
                for batch in self._batches(queries):
                    *replies, last = require_done(await connection.ask(*(query.command for query in batch), view))
                    for query, reply in zip(batch, replies, strict=True):
                        position = before.get(wants[query.place].class_id)
                        pages[query.place] = (
                            _step_page(reply, position, as_of_ms) if query.is_step else Page(join_members(reply), None)
                        )
        return Reading(before, positions_in(classes, last), [pages[place] for place in range(len(wants))])

    async def expired(self, classes: Collection[int], before_ms: int, limit: int) -> list[int]:
        """Keep the promise of `Storage.expired`."""
        if not classes:
            return []
        limits = ("-inf", b"(%d" % before_ms, "WITHSCORES", "LIMIT", 0, limit)
        commands = [("ZRANGEBYSCORE", self._layout.hints(class_id), *limits) for class_id in classes]
        with self._connections.lent() as connection:
            replies = require_done(await connection.ask(*commands))
        of_each = (zip(map(float, reply[1::2]), map(int, reply[::2]), strict=True) for reply in replies)
        return [value for _, value in merge(*of_each, key=itemgetter(0))]

    async def sizes(self, classes: Collection[int]) -> Mapping[int, int]:
        """Keep the promise of `Storage.sizes`."""
        if not classes:
            return {}
        commands = [("HLEN", self._layout.values(class_id)) for class_id in classes]
        with self._connections.lent() as connection:
            replies = require_done(await connection.ask(*commands))
        return dict(zip(classes, replies, strict=True))

    async def _queries(
        self, connection: SlotConnection, wants: Sequence[Want], large: Mapping[int, Sequence[bytes]], as_of_ms: int
    ) -> list[_Query]:
        """Ask how large the sets are of which `large` has seen some members, and choose how to read each."""
        keys = {place: self._key(wants[place]) for place in large}
        sizes = require_done(await connection.ask(*(("ZCARD", key) for key in keys.values())))
        queries = []
        for (place, key), size in zip(keys.items(), sizes, strict=True):
            seen = large[place]
            is_step = size > self._page_members or size * sum(map(len, seen)) > PAGE_BYTES * len(seen)
            command = self._step(key, b"0") if is_step else _range(key, as_of_ms)
            weight = self._step_members * STEPS_PER_PAGE if is_step else size
            queries.append(_Query(place, command, weight, is_step))
        return queries

    def _batches(self, queries: Sequence[_Query]) -> Iterator[list[_Query]]:
        """Put `queries` into writes that hold the server no longer than the largest set that is read whole."""
        batch: list[_Query] = []
        for query in queries:
            if batch and sum(each.weight for each in batch) + query.weight > self._page_members:
                yield batch
                batch = []
            batch.append(query)
        yield batch

    def _glance(self, want: Want, as_of_ms: int) -> Command:
        """One member more than is enough, or the next step of a walk."""
        if want.cursor is not None:
            return self._step(self._key(want), want.cursor.position)
        return *_range(self._key(want), as_of_ms), "LIMIT", 0, self._glance_members + 1

    def _step(self, key: bytes, position: bytes) -> Command:
        return "ZSCAN", key, position, "COUNT", self._step_members

    def _key(self, want: Want) -> bytes:
        return self._layout.index(field_of(want.prime), want.class_id)


def _range(key: bytes, as_of_ms: int) -> Command:
    return "ZRANGEBYSCORE", key, b"(%d" % as_of_ms, FOR_EVER


def _step_page(reply: Sequence[Any], position: Position | None, as_of_ms: int) -> Page:
    """What one step of a walk has found; the cursor is good for the class as it is at `position`."""
    following, scanned = reply
    cursor = None if following == b"0" or position is None else Cursor(position.load_id, following)
    return Page(join_members(live_members(scanned, as_of_ms)), cursor)
