"""A whole cluster in one thread: replicas as simulated processes, one Redis, one broker, and the links between them.

Everything that differs between two runs comes from the seed: the order of ready tasks, delays, losses, random bytes.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random

from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.inline import InlineFactorizer
from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.faulty_link import FaultyLink, Weather
from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.application.policy import Policy
from factorsvc.application.replica import Replica
from factorsvc.application.workspace import Surroundings
from factorsvc.domain.cluster_clock import SampledClock
from tests.simulation.loop import SimulationLoop
from tests.simulation.node import Node

START_MS = 1_000_000_000_000
"""Wall clock of the servers at virtual second 0."""


@dataclass(slots=True)
class SimulatedReplica:
    """One process of the service, and what a test may do to it."""

    name: str
    node: Node
    replica: Replica
    token: str
    life: asyncio.Task[None] = field(repr=False)


class SimulatedCluster:
    """Replicas by name. Starting, pausing, killing and stopping them is done from outside of all nodes."""

    def __init__(self, loop: SimulationLoop, policy: Policy, seed: int, lease_ttl_s: float = 10.0) -> None:
        """Make the servers; no replica yet."""
        self.loop = loop
        self.policy = policy
        self.random = Random(f"cluster {seed}")
        self.weather = Weather(request_s=(0.0002, 0.002), answer_s=(0.0002, 0.002))
        self.redis = MemoryRedis(self.now_ms)
        self.broker = MemoryCluster(policy.classes, self.now_ms)
        self.replicas: dict[str, SimulatedReplica] = {}
        self.lease_ttl_s = lease_ttl_s
        self._starts = 0

    def now_ms(self) -> int:
        """The servers' wall clock."""
        return START_MS + int(self.loop.time() * 1000)

    def start(self, name: str, page_members: int = 5_000) -> SimulatedReplica:
        """Start a replica as a new process; a name may be used again when its last one is dead."""
        self._starts += 1
        token = f"{name}.{self._starts}"
        random = Random(f"{token} {self.random.random()}")
        node = self.loop.node(name)

        def link() -> FaultyLink:
            return FaultyLink(self.weather, random, self.loop.neutral_context)

        clock = SampledClock(self.loop.time)
        slots = MemorySlotAllocator(
            self.redis,
            token,
            link,
            clock,
            random,
            lease_ttl_s=self.lease_ttl_s,
            classes=self.policy.classes,
            page_members=page_members,
        )
        around = Surroundings(
            bus=MemoryBus(self.broker, link, classes=self.policy.classes, random_bytes=random.randbytes),
            clock=clock,
            factorizer=InlineFactorizer(engine_named("flint")),
            policy=self.policy,
            new_id=random.randbytes,
        )
        replica = Replica(slots, around)
        started = SimulatedReplica(name, node, replica, token, node.run(replica.run()))
        self.replicas[name] = started
        return started

    def kill(self, name: str) -> None:
        """`kill -9`: the process is gone, and the servers see its connections end."""
        killed = self.replicas.pop(name)
        killed.node.kill()
        self.redis.disconnect(killed.token)
