"""A slot of a `MemoryRedis` that is held: its lease, its storage, and the way back."""

import asyncio
from collections.abc import Callable
from functools import partial

from factorsvc.adapters.memory.memory_redis import MemoryRedis, User
from factorsvc.adapters.memory.shared_connection import SharedConnection
from factorsvc.adapters.memory.slot_connection import SlotConnections
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import SlotLostError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Storage
from factorsvc.domain.slot import Lease


class MemorySlotClaim(SlotClaim):
    """One claim. Its renewals have a connection of their own, so that no long answer delays them."""

    def __init__(
        self,
        *,
        user: User,
        epoch: int,
        lease: Lease,
        storage: Storage,
        connections: SlotConnections,
        redis: MemoryRedis,
        shared: Callable[[], SharedConnection],
        clock: SampledClock,
    ) -> None:
        """Take over what the claim has won."""
        self.slot = user.slot
        self.epoch = epoch
        self.lease = lease
        self.storage = storage
        self._user = user
        self._connections = connections
        self._renewer = connections.own()
        self._redis = redis
        self._shared = shared
        self._clock = clock
        self._is_superseded = False

    async def renew(self) -> None:
        sent, sent_by_clock = asyncio.get_running_loop().time(), self._clock.monotonic()
        server_ms = await self._renewer.call(lambda _: self._redis.renew(self.slot, self.lease.ttl_s))
        if server_ms is None:
            self._connections.close()
            raise SlotLostError(self.slot)
        self._clock.sample(server_ms, sent_by_clock, self._clock.monotonic())
        self.lease.renewed(sent)

    async def release(self) -> None:
        if self._is_superseded:
            return  # the lease with our token is that of a later claim
        async with self._shared() as shared:
            while (watched := await shared.watch_lease(self.slot)).token == self._user.owner:
                if await shared.call(partial(self._redis.release, self.slot, watched)):
                    return

    async def close(self) -> None:
        self._connections.close()

    def supersede(self) -> None:
        """Note that the same process has made a later claim."""
        self._is_superseded = True
