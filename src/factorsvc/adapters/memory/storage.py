"""The storage in memory: what RedisStorage does, with the same steps and the same doubts, on a `Database`.

Each call over the connection stands for one command, transaction or pipeline, so whatever can come between two of them
in Redis (a wipe, a fence, a crash, a lost answer, a late one) can come between them here.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import merge
from typing import NamedTuple

from factorsvc.adapters.memory.database import Database
from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.slot_connection import SlotConnections
from factorsvc.domain.errors import RemovalUnknownError, StorageConflictError, StorageFullError
from factorsvc.domain.ports.storage import Change, Reading, Snapshot, Storage, Want
from factorsvc.domain.record import Present, PutKey
from factorsvc.domain.value import class_of


class _Watch(NamedTuple):
    """A look whose snapshot can still be committed on."""

    mark: int
    session: int
    view_version: int
    values: frozenset[int]

    def require_unchanged(self, database: Database) -> None:
        """Refuse if the view was written since."""
        if database.version != self.view_version:
            raise StorageConflictError("the view was written since")


class _Removal(NamedTuple):
    """What is to be removed, by class: index, states, hints, in an order in which what was begun is found again."""

    presents: Mapping[int, Sequence[Present]]
    hinted: Mapping[int, Sequence[int]]

    @classmethod
    def of(
        cls, looked_at: Iterable[int], presents: Mapping[int, Present], keys: Collection[PutKey], classes: int
    ) -> "_Removal":
        """Remove the values whose states are of `keys`, and of all that were looked at the hints without a state."""
        gone: dict[int, list[Present]] = {}
        hinted: dict[int, list[int]] = {}
        for value in looked_at:
            present = presents.get(value)
            class_id = class_of(value, classes)
            if present is not None and present.key in keys:
                gone.setdefault(class_id, []).append(present)
            if present is None or present.key in keys:
                hinted.setdefault(class_id, []).append(value)
        return cls(gone, hinted)

    @property
    def steps(self) -> tuple[Callable[[Database], None], ...]:
        """The steps, in order."""
        return self.unindex, self.drop_values, self.drop_hints

    def whole(self, database: Database) -> None:
        """Remove all in one transaction, which like every transaction writes the view."""
        for step in self.steps:
            step(database)
        database.version += 1

    def unindex(self, database: Database) -> None:
        """Remove the members."""
        for class_id, presents in self.presents.items():
            database.unindex(class_id, presents)

    def drop_values(self, database: Database) -> None:
        """Remove the states."""
        for class_id, presents in self.presents.items():
            database.drop_values(class_id, [present.value for present in presents])

    def drop_hints(self, database: Database) -> None:
        """Remove the hints."""
        for class_id, values in self.hinted.items():
            database.drop_hints(class_id, values)


class MemoryStorage(Storage):
    """One slot's database, through the connections of one claim.

    Two doubts outlive a lost answer. A removal outside a transaction may be carried out at any time, so nothing is
    written any more. A transaction may be carried out as long as the view is as it was; every write to the view
    settles that, but a removal outside a transaction is none, and would remove what the late transaction had just put.
    """

    def __init__(self, redis: MemoryRedis, connections: SlotConnections, classes: int, page_members: int) -> None:
        """Use `connections`; sets of more than `page_members` are read in steps."""
        self._redis = redis
        self._connections = connections
        self._writer = connections.own()
        self._classes = classes
        self._page_members = page_members
        self._looks = 0
        self._watch: _Watch | None = None
        self._removal_in_doubt = False
        self._transaction_in_doubt = False

    async def look(self, classes: Collection[int], values: Collection[int] = ()) -> Snapshot:
        self._watch = None
        self._looks += 1
        mark = self._looks

        def look(database: Database) -> tuple[int, Snapshot]:
            return database.version, Snapshot(
                journal_id=database.journal_id,
                positions=database.positions_of(classes),
                loading=database.loading_of(classes),
                presents=database.presents_of(values, self._classes),
                session=0,
                version=mark,
            )

        view_version, snapshot = await self._writer.call(look)
        session = self._writer.session
        self._watch = _Watch(mark, session, view_version, frozenset(values))
        return snapshot._replace(session=session)

    async def commit(self, snapshot: Snapshot, change: Change) -> None:
        watch = self._take_watch(snapshot)
        await self._transact(watch, lambda database: database.apply(snapshot.presents, change, self._classes))

    async def remove(self, snapshot: Snapshot, keys: Collection[PutKey]) -> None:
        watch = self._take_watch(snapshot)
        removal = _Removal.of(watch.values, snapshot.presents, frozenset(keys), self._classes)
        try:
            await self._transact(watch, removal.whole)
        except StorageFullError:
            if self._transaction_in_doubt:
                raise RemovalUnknownError from None
            await self._writer.call(watch.require_unchanged)
            for step in removal.steps:
                await self._remove_now(step)

    async def forget(self, classes: Collection[int]) -> None:
        self._require_writable()
        await self._writer.call(lambda database: database.forget(classes))

    async def clear(self, class_id: int, limit: int) -> bool:
        self._require_writable()
        found = await self._writer.call(lambda database: database.some(class_id, limit))
        if found:
            removal = _Removal({class_id: found}, {class_id: [present.value for present in found]})
            await self._remove_now(removal.unindex)
            await self._remove_now(removal.drop_hints)
            await self._remove_now(removal.drop_values)
            return False
        await self._remove_now(lambda database: database.drop_all_hints(class_id))
        return True

    async def expired(self, classes: Collection[int], before_ms: int, limit: int) -> list[int]:
        def expired(database: Database) -> list[int]:
            of_each = (database.expired(class_id, before_ms, limit) for class_id in classes)
            return [value for _, value in merge(*of_each)]

        with self._connections.lent() as reader:
            return await reader.call(expired)

    async def read(self, wants: Sequence[Want], now_ms: int) -> Reading:
        classes = {want.class_id for want in wants}
        with self._connections.lent() as reader:
            before = await reader.call(lambda database: database.positions_of(classes))
            pages = await reader.call(
                lambda database: [database.page(want, now_ms, self._page_members) for want in wants]
            )
            after = await reader.call(lambda database: database.positions_of(classes))
        return Reading(before, after, pages)

    async def sizes(self, classes: Collection[int]) -> Mapping[int, int]:
        with self._connections.lent() as reader:
            return await reader.call(lambda database: {class_id: database.size(class_id) for class_id in classes})

    def _take_watch(self, snapshot: Snapshot) -> _Watch:
        self._require_writable()
        watch, self._watch = self._watch, None
        if watch is None or watch.mark != snapshot.version or watch.session != self._writer.session:
            raise StorageConflictError("the snapshot was used, or another one taken, or its connection is gone")
        return watch

    async def _transact(self, watch: _Watch, write: Callable[[Database], None]) -> None:
        def transact(database: Database) -> None:
            if self._redis.full:
                raise StorageFullError
            watch.require_unchanged(database)
            write(database)

        was_in_doubt, self._transaction_in_doubt = self._transaction_in_doubt, True
        try:
            await self._writer.call(transact)
        except StorageFullError:
            self._transaction_in_doubt = was_in_doubt
            raise
        except StorageConflictError:
            self._transaction_in_doubt = False  # the write that came between has settled the older ones too
            raise
        self._transaction_in_doubt = False

    async def _remove_now(self, step: Callable[[Database], None]) -> None:
        try:
            await self._writer.call(step, unanswered=RemovalUnknownError)
        except (RemovalUnknownError, asyncio.CancelledError):
            self._removal_in_doubt = True
            raise

    def _require_writable(self) -> None:
        self._connections.require_open()
        if self._removal_in_doubt:
            raise RemovalUnknownError
