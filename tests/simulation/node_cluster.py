"""A whole cluster in one thread: replicas as nodes of one loop, their broker, and the links to it.

Which Redis they have is up to whoever derives. All that chance decides comes from the seed.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.inline import InlineFactorizer
from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.faulty_link import FaultyLink, Weather
from factorsvc.application.policy import Policy
from factorsvc.application.replica import Replica
from factorsvc.application.workspace import Surroundings
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from tests.simulation.node import Node
from tests.simulation.nodes_loop import NodesLoop


@dataclass(slots=True)
class NodeReplica:
    """One process of the service, and what a test may do to it."""

    name: str
    node: Node
    replica: Replica
    token: str
    life: asyncio.Task[None] = field(repr=False)


class NodeCluster(ABC):
    """Replicas by name. Starting, pausing, killing and stopping them is done from outside of all nodes."""

    def __init__(
        self, loop: NodesLoop, policy: Policy, seed: int, now_ms: Callable[[], int], lease_ttl_s: float = 10.0
    ) -> None:
        """Make the broker, whose clock is `now_ms`; no replica yet."""
        self.loop = loop
        self.policy = policy
        self.random = Random(f"cluster {seed}")
        self.weather = Weather(request_s=(0.0002, 0.002), answer_s=(0.0002, 0.002))
        self.broker = MemoryCluster(policy.classes, now_ms)
        self.replicas: dict[str, NodeReplica] = {}
        self.lease_ttl_s = lease_ttl_s
        self._starts = 0

    def start(self, name: str, page_members: int = 5_000) -> NodeReplica:
        """Start a replica as a new process; a name may be used again when its last one is dead."""
        self._starts += 1
        token = f"{name}.{self._starts}"
        random = Random(f"{token} {self.random.random()}")
        node = self.loop.node(name)
        clock = SampledClock(self.loop.time)
        slots = self._slots(token, clock, random, page_members)
        around = Surroundings(
            bus=MemoryBus(
                self.broker, lambda: self._link(random), classes=self.policy.classes, random_bytes=random.randbytes
            ),
            clock=clock,
            factorizer=InlineFactorizer(engine_named("flint")),
            policy=self.policy,
            new_id=random.randbytes,
        )
        replica = Replica(slots, around)
        started = NodeReplica(name, node, replica, token, node.run(replica.run()))
        self.replicas[name] = started
        return started

    @abstractmethod
    def kill(self, name: str) -> None:
        """`kill -9`: the process is gone, and the servers see its connections end."""

    @abstractmethod
    def _slots(self, token: str, clock: SampledClock, random: Random, page_members: int) -> SlotAllocator:
        """What a new process claims its slot with."""

    def _link(self, random: Random) -> FaultyLink:
        """One more link between a process and a server in memory, as the weather is now."""
        return FaultyLink(self.weather, random, self.loop.neutral_context)
