"""Reading a database: many tasks at once, each over a connection that is lent to it."""

from collections.abc import Collection, Mapping, Sequence
from heapq import merge
from operator import itemgetter

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.layout import Layout, field_of, positions_in
from factorsvc.adapters.redis.pages import Pages
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.domain.ports.storage import Reading, Want


class Reader:
    """Keeps what `Storage` promises of its reads."""

    def __init__(self, connections: SlotConnections, layout: Layout, page_members: int) -> None:
        """Read over `connections`, sets of more than `page_members` in steps."""
        self._connections = connections
        self._layout = layout
        self._page_members = page_members

    async def read(self, wants: Sequence[Want], as_of_ms: int) -> Reading:
        """Keep the promise of `Storage.read`, in one round trip if no set is large."""
        if not wants:
            return Reading({}, {}, [])
        classes = list(dict.fromkeys(want.class_id for want in wants))
        view: Command = ("HMGET", self._layout.view, *map(field_of, classes))
        pages = Pages(self._layout, wants, as_of_ms, self._page_members)
        async with self._connections.lent() as connection:
            first, *replies, last = require_done(await connection.ask(view, *pages.glances(), view))
            before = positions_in(classes, first)
            pages.take_glances(replies, before)
            if sizes := pages.sizes():
                pages.take_sizes(require_done(await connection.ask(*sizes)))
            for batch in pages.batches():
                *replies, last = require_done(await connection.ask(*(query.command for query in batch), view))
                pages.take(batch, replies)
        return Reading(before, positions_in(classes, last), pages.in_order())

    async def expired(self, classes: Collection[int], before_ms: int, limit: int) -> list[int]:
        """Keep the promise of `Storage.expired`, in one round trip."""
        if not classes:
            return []
        limits = ("-inf", b"(%d" % before_ms, "WITHSCORES", "LIMIT", 0, limit)
        commands = [("ZRANGEBYSCORE", self._layout.hints(class_id), *limits) for class_id in classes]
        async with self._connections.lent() as connection:
            replies = require_done(await connection.ask(*commands))
        of_each = (zip(map(float, reply[1::2]), map(int, reply[::2]), strict=True) for reply in replies)
        return [value for _, value in merge(*of_each, key=itemgetter(0))]

    async def sizes(self, classes: Collection[int]) -> Mapping[int, int]:
        """Keep the promise of `Storage.sizes`, in one round trip."""
        if not classes:
            return {}
        commands = [("HLEN", self._layout.values(class_id)) for class_id in classes]
        async with self._connections.lent() as connection:
            replies = require_done(await connection.ask(*commands))
        return dict(zip(classes, replies, strict=True))
