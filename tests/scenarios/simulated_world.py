"""The world of stories in virtual time. Nothing happens in it but what is told."""

import asyncio

from factorsvc.application.policy import Policy
from tests.scenarios.node_world import NodeWorld
from tests.scenarios.world import RedisEvent
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.loop import SimulationLoop
from tests.simulation.node_cluster import NodeCluster

_MOMENT_S = 1e-6
"""Less than anything takes to be sent."""


class SimulatedWorld(NodeWorld):
    """A `SimulatedCluster`, and the clients who use it."""

    def __init__(self, loop: SimulationLoop, seed: int) -> None:
        """Begin on `loop`; `seed` decides all delays and random bytes."""
        super().__init__()
        self._loop = loop
        self._seed = seed

    async def _make(self, policy: Policy) -> NodeCluster:
        cluster = SimulatedCluster(self._loop, policy, self._seed)
        self._redis = cluster.redis
        await asyncio.sleep(2 * cluster.lease_ttl_s)
        return cluster

    async def redis(self, event: RedisEvent) -> None:
        redis = self._redis
        match event:
            case RedisEvent.DOWN | RedisEvent.UP:
                redis.down = event is RedisEvent.DOWN
            case RedisEvent.FULL | RedisEvent.ROOM:
                redis.full = event is RedisEvent.FULL
            case RedisEvent.WIPE:
                redis.wipe()
            case RedisEvent.SAVE:
                redis.save()
            case RedisEvent.CRASH:
                redis.restart(lose_unsaved=True)

    async def views(self) -> int:
        return sum(database.holds_view for database in self._redis.databases)

    async def under_way(self) -> None:
        await asyncio.sleep(_MOMENT_S)
