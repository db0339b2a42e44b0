"""A slot that is held: its lease, its storage, and the way back."""

import asyncio
from collections.abc import Callable

from factorsvc.adapters.redis.confinement import Confinement
from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.layout import Layout
from factorsvc.adapters.redis.shared_connection import SharedConnection
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Storage
from factorsvc.domain.slot import Lease


class RedisSlotClaim(SlotClaim):
    """One claim. Its renewals have a connection of their own, so that no long answer delays them."""

    def __init__(
        self,
        *,
        slot: int,
        epoch: int,
        lease: Lease,
        storage: Storage,
        connections: SlotConnections,
        confinement: Confinement,
        token: str,
        shared: Callable[[], SharedConnection],
        clock: SampledClock,
    ) -> None:
        """Take over what the claim has won."""
        self.slot = slot
        self.epoch = epoch
        self.lease = lease
        self.storage = storage
        self._lease_key = Layout(slot).lease
        self._connections = connections
        self._confinement = confinement
        self._renewer = connections.own()
        self._token = token
        self._shared = shared
        self._clock = clock
        self._is_superseded = False

    async def renew(self) -> None:
        """Extend the lease by PEXPIRE: a full server refuses SET, and then every replica would lose its slot.

        0 means that there is no lease: it expired, or all was wiped, which leaves users and connections as they are.
        """
        sent, sent_by_clock = asyncio.get_running_loop().time(), self._clock.monotonic()
        prolong: Command = ("PEXPIRE", self._lease_key, round(self.lease.ttl_s * 1000))
        is_extended, (seconds, microseconds) = await self._renewer.ask_as_holder(prolong, ("TIME",))
        if not is_extended:
            raise self._connections.lost()
        self._clock.sample(int(seconds) * 1000 + int(microseconds) / 1000, sent_by_clock, self._clock.monotonic())
        self.lease.renewed(sent)

    async def release(self) -> None:
        if self._is_superseded:
            return  # the lease with our token is that of a later claim
        async with self._shared() as shared:
            while (watched := await shared.watch_lease(self.slot)) is not None and watched.token == self._token:
                if await shared.transact(*self._confinement.fence(self.slot), ("DEL", self._lease_key)):
                    self._confinement.end(self._connections)
                    return

    async def close(self) -> None:
        self._connections.close()

    def supersede(self) -> None:
        """Note that the same process has made a later claim."""
        self._is_superseded = True
        self._confinement.end(self._connections)
