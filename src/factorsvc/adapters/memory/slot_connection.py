"""A claim's connections to its database: made when needed, given up after every failure, and over with the claim."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from factorsvc.adapters.memory.database import Database
from factorsvc.adapters.memory.link import Link, LinkDownError
from factorsvc.adapters.memory.memory_redis import Connection, MemoryRedis, RefusedError, User
from factorsvc.domain.errors import SlotLostError, StorageUnavailableError

T = TypeVar("T")


class SlotConnection:
    """One connection as a slot's user, for one task at a time."""

    def __init__(self, claim: "SlotConnections") -> None:
        """Prepare; the first call connects."""
        self._claim = claim
        self._redis = claim.redis
        self._connection: Connection | None = None
        """The one that stands, or is being made."""

    @property
    def session(self) -> int:
        """The number of the connection that stands, 0 while there is none."""
        return 0 if self._connection is None else self._connection.number

    async def call(
        self,
        effect: Callable[[Database], T],
        unanswered: type[StorageUnavailableError] = StorageUnavailableError,
    ) -> T:
        """Have the server do `effect` on the slot's database and return what it returns; what it raises is raised here.

        A call that got no answer, or that was cancelled, ends the connection, lest the next call mistake the late
        answer for its own. Where the server has closed it, connecting anew tells whether that was a fence.

        Raises:
            SlotLostError: the claim is over; nothing was done, unless before that.
            StorageUnavailableError: no answer; of the kind `unanswered` if the effect may happen all the same.
        """
        self._claim.require_open()
        connection = self._connection or await self._connect()
        try:
            return await connection.link.call(partial(self._redis.serve, connection, self._on_database(effect)))
        except LinkDownError as error:
            self._hang_up()
            self._claim.require_open()
            if self._redis.has_closed(connection):
                await self._connect()
            raise (unanswered if error.sent else StorageUnavailableError) from error
        except asyncio.CancelledError:
            self._hang_up()
            raise

    def cut(self) -> None:
        """Give the connection up: what is under way gets no answer."""
        if self._connection is not None:
            self._connection.link.cut()
            self._hang_up()

    async def _connect(self) -> Connection:
        connection = self._connection = Connection(self._claim.user.owner, self._claim.links(), self._claim.user)
        try:
            await connection.link.call(partial(self._redis.connect, connection))
        except RefusedError as error:
            self._claim.close()
            raise SlotLostError(self._claim.user.slot) from error
        except LinkDownError as error:
            self._hang_up()
            self._claim.require_open()
            if connection.number and self._redis.has_closed(connection):
                return await self._connect()
            raise StorageUnavailableError from error
        except asyncio.CancelledError:
            self._hang_up()
            raise
        self._claim.require_open()
        return connection

    def _on_database(self, effect: Callable[[Database], T]) -> Callable[[], T]:
        return lambda: effect(self._redis.databases[self._claim.user.slot])

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._redis.hang_up(self._connection)
            self._connection = None


class SlotConnections:
    """All connections of one claim. Once one of them is refused, or the claim is closed, none works any more."""

    def __init__(self, redis: MemoryRedis, user: User, links: Callable[[], Link]) -> None:
        """Prepare to reach `redis` as `user`; `links` gives a new way to it for each connection."""
        self.redis = redis
        self.user = user
        self.links = links
        self._is_over = False
        self._all: list[SlotConnection] = []
        self._idle: list[SlotConnection] = []

    def require_open(self) -> None:
        """Raise `SlotLostError` when the claim is over."""
        if self._is_over:
            raise SlotLostError(self.user.slot)

    def own(self) -> SlotConnection:
        """Return a connection for its caller alone."""
        connection = SlotConnection(self)
        self._all.append(connection)
        return connection

    @contextmanager
    def lent(self) -> Iterator[SlotConnection]:
        """Lend one out of a pool that grows as needed."""
        connection = self._idle.pop() if self._idle else self.own()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def close(self) -> None:
        """End all, for ever: what is under way gets no answer, and whoever calls again finds the slot lost."""
        self._is_over = True
        for connection in self._all:
            connection.cut()
