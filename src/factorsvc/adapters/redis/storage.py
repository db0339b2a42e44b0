"""The storage on Redis: one slot's database, through the connections of one claim.

What the server makes exact: `WATCH` on the view from a look on, and one `MULTI/EXEC` for all that is built on it. As
every transaction writes the view, a later one is never done on a view that somebody else has written since; and where
a transaction is refused because there is no room, what removes is done in steps that are safe to repeat.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.edits import Edits
from factorsvc.adapters.redis.layout import (
    JOURNAL,
    WRITTEN,
    Layout,
    field_of,
    loading_among,
    positions_in,
    present_in,
)
from factorsvc.adapters.redis.reading import Reader
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.domain.errors import (
    RemovalUnknownError,
    StorageConflictError,
    StorageFullError,
    StorageUnavailableError,
)
from factorsvc.domain.ports.storage import Change, Reading, Snapshot, Storage, Want
from factorsvc.domain.record import Present, PutKey
from factorsvc.domain.value import class_of, primes_of


class _Watch(NamedTuple):
    """A look whose snapshot can still be built on."""

    mark: int
    session: int
    values: Collection[int]
    question: Command
    """What was asked of the view ..."""
    answer: list[bytes | None]
    """... and what it was."""


class RedisStorage(Storage):
    """One slot's database.

    Two doubts outlive a lost answer. A removal outside a transaction may be carried out at any time, so nothing is
    written any more. A transaction may be carried out as long as the view is as it was; every later transaction settles
    that, but a removal outside a transaction is none, and would remove what the late transaction had just put.
    """

    def __init__(self, connections: SlotConnections, slot: int, classes: int, page_members: int) -> None:
        """Use `connections` to the database of `slot`; sets of more than `page_members` are read in steps."""
        self._connections = connections
        self._writer = connections.own()
        self._layout = Layout(slot)
        self._classes = classes
        self._edits = Edits(self._layout, classes)
        self._reader = Reader(connections, self._layout, page_members)
        self._looks = 0
        self._watch: _Watch | None = None
        self._removal_in_doubt = False
        self._transaction_in_doubt = False
        self._clearings: dict[int, bytes] = {}
        """Where the walk through the states of a class that is being cleared goes on."""

    async def look(self, classes: Collection[int], values: Collection[int] = ()) -> Snapshot:
        self._watch = None
        self._looks += 1
        view = self._layout.view
        question: Command = ("HMGET", view, JOURNAL, WRITTEN, *map(field_of, classes))
        by_class = self._by_class(values)
        states: list[Command] = [
            ("HMGET", self._layout.values(class_id), *map(field_of, members)) for class_id, members in by_class.items()
        ]
        self._writer.refresh()
        answer, *found = await self._writer.watch([view], question, *states)
        session = self._writer.session
        self._watch = _Watch(self._looks, session, frozenset(values), question, answer)
        journal_id, _, *of_classes = answer
        return Snapshot(
            journal_id=journal_id,
            positions=positions_in(classes, of_classes),
            loading=loading_among(classes, of_classes),
            presents=_presents_in(by_class.values(), found),
            session=session,
            version=self._looks,
        )

    async def commit(self, snapshot: Snapshot, change: Change) -> None:
        self._take_watch(snapshot)
        concerned = {*self._by_class(change.presents), *change.positions, *change.loading}
        await self._transact(self._edits.commit(snapshot.presents, change), concerned)

    async def remove(self, snapshot: Snapshot, keys: Collection[PutKey]) -> None:
        watch = self._take_watch(snapshot)
        removal = self._edits.removal(watch.values, snapshot.presents, frozenset(keys))
        try:
            commands = [self._edits.touch(), *removal.members, *removal.states, *removal.hints]
            await self._transact(commands, self._by_class(watch.values))
        except StorageFullError:
            if self._transaction_in_doubt:
                raise RemovalUnknownError from None
            await self._require_unchanged(watch)
            for step in removal:
                await self._remove_now(step)

    async def forget(self, classes: Collection[int]) -> None:
        self._require_writable()
        if not classes:
            return
        (removed,) = await self._writer.write(("HDEL", self._layout.view, *map(field_of, classes)))
        if removed:
            self._watch = None

    async def clear(self, class_id: int, limit: int) -> bool:
        self._require_writable()
        found = await self._some(class_id, limit)
        hints = self._layout.hints(class_id)
        if not found:
            await self._remove_now([("UNLINK", hints)])
            return True
        primes = {prime for present in found for prime in primes_of(present.member)}
        # The whole class is garbage, so whole sets of its index may go: that is one command, however many members.
        await self._remove_now([("UNLINK", hints, *(self._layout.index(prime, class_id) for prime in primes))])
        values = (field_of(present.value) for present in found)
        await self._remove_now([("HDEL", self._layout.values(class_id), *values)])
        return False

    async def expired(self, classes: Collection[int], before_ms: int, limit: int) -> list[int]:
        return await self._reader.expired(classes, before_ms, limit)

    async def read(self, wants: Sequence[Want], as_of_ms: int) -> Reading:
        return await self._reader.read(wants, as_of_ms)

    async def sizes(self, classes: Collection[int]) -> Mapping[int, int]:
        return await self._reader.sizes(classes)

    async def _some(self, class_id: int, limit: int) -> list[Present]:
        """Up to `limit` states of a class; none only if a walk from the beginning to the end has met none.

        The walk goes on where the one before found something, lest the larger part of it, when much was cleared, be
        through places that are empty by now.
        """
        begun = self._clearings.pop(class_id, b"0")
        cursor = begun
        while True:
            scan = ("HSCAN", self._layout.values(class_id), cursor, "COUNT", limit)
            ((following, fields),) = require_done(await self._writer.ask(scan))
            if fields:
                found = list(map(present_in, fields[::2], fields[1::2]))
                self._clearings[class_id] = following if len(found) <= limit else cursor
                return found[:limit]
            if following == b"0" and begun == b"0":
                return []
            if following == b"0":
                begun = following
            cursor = following

    def _by_class(self, values: Collection[int]) -> dict[int, list[int]]:
        by_class: dict[int, list[int]] = {}
        for value in values:
            by_class.setdefault(class_of(value, self._classes), []).append(value)
        return by_class

    def _take_watch(self, snapshot: Snapshot) -> _Watch:
        self._require_writable()
        watch, self._watch = self._watch, None
        is_latest = watch is not None and (watch.mark, watch.session) == (snapshot.version, self._writer.session)
        if watch is None or not is_latest or not self._writer.is_watching:
            raise StorageConflictError("the snapshot was used, or another one taken, or its connection is gone")
        return watch

    async def _transact(self, commands: Sequence[Command], classes: Collection[int]) -> None:
        """Do `commands`, which concern `classes`, whole or not at all; but if by half, nobody is to believe in these.

        An EXEC goes on after a command that fails, as for something foreign under one of our keys.
        """
        was_in_doubt, self._transaction_in_doubt = self._transaction_in_doubt, True
        try:
            results = await self._writer.transact(*commands)
        except StorageFullError:
            self._transaction_in_doubt = was_in_doubt
            raise
        except ResponseError as error:
            await self.forget(classes)
            raise StorageUnavailableError("a transaction was not done whole") from error
        self._transaction_in_doubt = False  # if another write has come between, that has settled the older ones too
        if results is None:
            raise StorageConflictError("the view was written since")

    async def _require_unchanged(self, watch: _Watch) -> None:
        """Refuse if the view is not what it was: an EXEC that finds no room does not tell, and ends the watch.

        Of what this storage writes itself it knows. That leaves a wipe, which this sees, and a class that is forgotten
        late, which is no reason not to remove values.
        """
        (answer,) = require_done(await self._writer.ask(watch.question))
        if answer != watch.answer:
            raise StorageConflictError("the view was written since")

    async def _remove_now(self, step: Sequence[Command]) -> None:
        if not step:
            return
        try:
            await self._writer.write(*step, unanswered=RemovalUnknownError)
        except (RemovalUnknownError, asyncio.CancelledError):
            self._removal_in_doubt = True
            raise

    def _require_writable(self) -> None:
        self._connections.require_open()
        if self._removal_in_doubt:
            raise RemovalUnknownError


def _presents_in(by_class: Collection[Sequence[int]], found: Sequence[Sequence[Any]]) -> dict[int, Present]:
    """The states that `found` has for the values of each class."""
    return {
        value: present_in(field_of(value), text)
        for values, texts in zip(by_class, found, strict=True)
        for value, text in zip(values, texts, strict=True)
        if text is not None
    }
