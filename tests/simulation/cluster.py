"""The cluster of simulations: all servers are in memory, and time is virtual.

Everything that differs between two runs comes from the seed: the order of ready tasks, delays, losses, random bytes.
"""

from random import Random

from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.application.policy import Policy
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from tests.simulation.loop import SimulationLoop
from tests.simulation.node_cluster import NodeCluster

START_MS = 1_000_000_000_000
"""Wall clock of the servers at virtual second 0."""


class SimulatedCluster(NodeCluster):
    """A cluster with a Redis in memory."""

    def __init__(self, loop: SimulationLoop, policy: Policy, seed: int, lease_ttl_s: float = 10.0) -> None:
        """Make the servers; no replica yet."""
        super().__init__(loop, policy, seed, self.now_ms, lease_ttl_s)
        self.redis = MemoryRedis(self.now_ms)

    def now_ms(self) -> int:
        """The servers' wall clock."""
        return START_MS + int(self.loop.time() * 1000)

    def kill(self, name: str) -> None:
        killed = self.replicas.pop(name)
        killed.node.kill()
        self.redis.disconnect(killed.token)

    def _slots(self, token: str, clock: SampledClock, random: Random, page_members: int) -> SlotAllocator:
        return MemorySlotAllocator(
            self.redis,
            token,
            lambda: self._link(random),
            clock,
            random,
            lease_ttl_s=self.lease_ttl_s,
            classes=self.policy.classes,
            page_members=page_members,
        )
