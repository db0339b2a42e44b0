"""The world of stories in real time, on a real Redis of its own; the broker is still in memory."""

import asyncio
import secrets
from random import Random

from factorsvc.adapters.memory.clocks import SystemClock
from factorsvc.adapters.redis.connection import Server
from factorsvc.adapters.redis.slot_allocator import RedisSlotAllocator
from factorsvc.adapters.redis.storage import RedisStorage
from factorsvc.adapters.redis.survey import QUESTIONS, read_survey
from factorsvc.application.policy import Policy
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from tests.contracts.server import until
from tests.scenarios.node_world import NodeWorld
from tests.scenarios.world import RedisEvent
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer
from tests.simulation.node_cluster import NodeCluster
from tests.simulation.real_time_loop import RealTimeLoop

_MOMENT_S = 0.05
"""Enough for a replica to read a request and to send on what follows from it."""
_NO_ROOM_BYTES = 1


class RedisCluster(NodeCluster):
    """A cluster with a real Redis."""

    def __init__(self, loop: RealTimeLoop, policy: Policy, server: Server) -> None:
        """Make the broker; no replica yet."""
        super().__init__(loop, policy, 0, SystemClock().now_ms)
        self._loop = loop
        self._server = server

    def kill(self, name: str) -> None:
        self._loop.kill(self.replicas.pop(name).node)

    def _slots(self, token: str, clock: SampledClock, random: Random, page_members: int) -> SlotAllocator:
        return RedisSlotAllocator(
            self._server,
            SHARED,
            token=token,
            clock=clock,
            random=random,
            storages=lambda connections, slot: RedisStorage(connections, slot, self.policy.classes, page_members),
            new_secret=secrets.token_hex,
            lease_ttl_s=self.lease_ttl_s,
        )


class RedisWorld(NodeWorld):
    """A `RedisCluster`, and the clients who use it. Many of these can be on one loop."""

    def __init__(self, loop: RealTimeLoop, server: RedisServer, name: str) -> None:
        """Begin on `loop` with `server`, which is empty, runs, and forgets in a crash what was not saved."""
        super().__init__(f"{name} ")
        self._loop = loop
        self._server = server
        self._administrator = Administrator(server)

    async def end(self) -> None:
        """Kill all processes; nothing of the world is needed any more."""
        for name in list(self._cluster.replicas):
            self._cluster.kill(name)
        self._administrator.close()
        await asyncio.to_thread(self._server.kill)

    async def _make(self, policy: Policy) -> NodeCluster:
        cluster = RedisCluster(self._loop, policy, Server(HOST, self._server.port))

        async def is_aged() -> bool:
            return await self._administrator.uptime_s() >= cluster.lease_ttl_s

        await until(is_aged)
        return cluster

    async def redis(self, event: RedisEvent) -> None:
        match event:
            case RedisEvent.DOWN:
                await asyncio.to_thread(self._server.stop)
            case RedisEvent.UP:
                await asyncio.to_thread(self._server.start)
            case RedisEvent.FULL:
                await self._administrator.limit_memory(_NO_ROOM_BYTES)
            case RedisEvent.ROOM:
                await self._administrator.limit_memory(0)
            case RedisEvent.WIPE:
                await self._administrator.ask(("FLUSHALL",))
            case RedisEvent.SAVE:
                await self._administrator.ask(("SAVE",))
            case RedisEvent.CRASH:
                await asyncio.to_thread(self._server.kill)
                await asyncio.to_thread(self._server.start)

    async def views(self) -> int:
        _, survey = read_survey(await self._administrator.ask(*QUESTIONS))
        return sum(slot.holds_view for slot in survey.slots)

    async def under_way(self) -> None:
        await asyncio.sleep(_MOMENT_S)
