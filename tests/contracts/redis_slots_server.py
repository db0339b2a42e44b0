"""A real server, as the contracts want it."""

import asyncio
import secrets
from random import Random

from factorsvc.adapters.redis.confinement import SLOT_USERS, Confinement
from factorsvc.adapters.redis.connection import Server
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.layout import Layout
from factorsvc.adapters.redis.slot_allocator import RedisSlotAllocator
from factorsvc.adapters.redis.storage import RedisStorage
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim
from factorsvc.domain.ports.storage import Storage
from tests.contracts.server import PATIENCE_S, until
from tests.contracts.slots_server import CLASSES, PAGE_MEMBERS, Process, SlotsServer, Trouble
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer
from tests.servers.troubled_redis import Door, TroubledRedis

LEASE_TTL_S = 5.0
LOOK_AGAIN_S = 0.02


class RedisSlotsServer(SlotsServer):
    """One server, empty, reached by each process through a door of its own."""

    def __init__(
        self, server: RedisServer, confinement: Confinement = SLOT_USERS, lease_ttl_s: float = LEASE_TTL_S
    ) -> None:
        """Prepare; `open` empties the server."""
        self._server = server
        self._confinement = confinement
        self._lease_ttl_s = lease_ttl_s
        self._administrator = Administrator(server)
        self._way = TroubledRedis(server.port)
        self._processes: list[_Slots] = []

    async def open(self, *, aged: bool = False) -> None:
        """Begin with a server that holds nothing, and has been up for longer than a lease if it is to be `aged`."""
        await self._administrator.begin_anew()
        if aged:
            await until(self._is_aged)

    async def close(self) -> None:
        """End every process, and see that the server goes on."""
        for slots in self._processes:
            await slots.end()
        await self._way.close()
        self._administrator.close()

    def process(self) -> Process:
        clock = SampledClock(lambda: asyncio.get_running_loop().time())
        slots = _Slots(self._way, len(self._processes), clock, self._confinement, self._lease_ttl_s)
        self._processes.append(slots)
        return Process(slots, clock)

    async def kill(self, process: Process) -> None:
        slots = process.slots
        assert isinstance(slots, _Slots)
        before = await self._administrator.connections()
        gone = slots.connections
        await slots.kill()
        await until(lambda: self._has_at_most(before - gone))

    def trouble(self, trouble: Trouble, after: int = 0, *, lasting: bool = False) -> None:
        self._way.trouble(trouble, after, lasting=lasting)

    async def met(self) -> object:
        return await self._way.met()

    def calm(self) -> bool:
        return self._way.calm()

    async def heal(self) -> None:
        await self._way.heal()

    async def leased(self, slot: int) -> bool:
        there: int = await self._administrator.in_slot(slot, ("EXISTS", Layout(slot).lease))
        return bool(there)

    async def lapse(self, slot: int) -> None:
        await self._administrator.in_slot(slot, ("PEXPIRE", Layout(slot).lease, 1))
        await until(lambda: self._is_free(slot))

    async def fill(self) -> None:
        await self._administrator.limit_memory(1)

    async def make_room(self) -> None:
        await self._administrator.limit_memory(0)

    async def wipe(self) -> None:
        await self._administrator.ask(("FLUSHALL",))

    async def restart(self) -> None:
        await asyncio.to_thread(self._server.restart)

    async def _is_aged(self) -> bool:
        return await self._administrator.uptime_s() >= self._lease_ttl_s

    async def _is_free(self, slot: int) -> bool:
        return not await self.leased(slot)

    async def _has_at_most(self, connections: int) -> bool:
        return await self._administrator.connections() <= connections


class _Slots(SlotAllocator):
    """A process's access to the slots, which remembers what must be closed in the end."""

    def __init__(
        self, way: TroubledRedis, number: int, clock: SampledClock, confinement: Confinement, lease_ttl_s: float
    ) -> None:
        self._way = way
        self._number = number
        self._clock = clock
        self._confinement = confinement
        self._lease_ttl_s = lease_ttl_s
        self._door: Door | None = None
        self._allocator: RedisSlotAllocator | None = None
        self._claims: list[SlotClaim] = []

    @property
    def connections(self) -> int:
        """How many there are."""
        return 0 if self._door is None else self._door.passing

    async def claim(self) -> SlotClaim | None:
        if self._door is None:
            self._door = await self._way.door()
        if self._allocator is None:
            self._allocator = self._made(self._door.port)
        claim = await self._allocator.claim()
        if claim is not None:
            self._claims.append(claim)
        return claim

    async def kill(self) -> None:
        """End all connections."""
        if self._door is not None:
            await self._door.slam()

    async def end(self) -> None:
        """Close what was claimed."""
        for claim in self._claims:
            await claim.close()

    def _made(self, port: int) -> RedisSlotAllocator:
        def storage(connections: SlotConnections, slot: int) -> Storage:
            return RedisStorage(connections, slot, CLASSES, PAGE_MEMBERS)

        return RedisSlotAllocator(
            Server(HOST, port, timeout_s=PATIENCE_S),
            SHARED,
            token=f"token {self._number}",
            clock=self._clock,
            random=Random(self._number),
            storages=storage,
            new_secret=secrets.token_hex,
            confinement=self._confinement,
            lease_ttl_s=self._lease_ttl_s,
            look_again_s=LOOK_AGAIN_S,
        )
