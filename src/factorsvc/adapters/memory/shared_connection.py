"""A connection to a `MemoryRedis` with the credentials that all replicas share, for a claim or a release."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Self, TypeVar

from factorsvc.adapters.memory.link import Link, LinkDownError
from factorsvc.adapters.memory.memory_redis import Connection, LeaseSight, MemoryRedis
from factorsvc.domain.errors import StorageFullError, StorageUnavailableError

T = TypeVar("T")


class SharedConnection:
    """Connected while entered. Standing in a slot it shows others that the claimer lives."""

    def __init__(self, redis: MemoryRedis, owner: str, links: Callable[[], Link]) -> None:
        """Prepare; to enter connects."""
        self._redis = redis
        self._connection = Connection(owner, links())

    async def __aenter__(self) -> Self:
        try:
            await self._answer(partial(self._redis.connect, self._connection))
        except (StorageUnavailableError, asyncio.CancelledError):
            self._redis.hang_up(self._connection)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._redis.hang_up(self._connection)

    async def watch_lease(self, slot: int) -> LeaseSight:
        """Enter `slot` and watch its lease."""
        return await self.call(partial(self._redis.watch_lease, self._connection, slot))

    async def leave(self) -> None:
        """Stand in no slot any more."""
        await self.call(partial(self._redis.leave, self._connection))

    async def call(self, effect: Callable[[], T]) -> T:
        """Have the server do `effect`.

        Raises:
            StorageUnavailableError: no answer, or it has no room for what `effect` would write.
        """
        return await self._answer(partial(self._redis.serve, self._connection, effect))

    async def _answer(self, effect: Callable[[], T]) -> T:
        try:
            return await self._connection.link.call(effect)
        except (LinkDownError, StorageFullError) as error:
            raise StorageUnavailableError from error
