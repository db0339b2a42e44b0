"""A bus in memory whose links a test can break under any call."""

from collections.abc import Callable
from random import Random
from typing import TypeVar

from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.link import DirectLink, LinkDownError
from tests.builders import NOW_MS
from tests.simulation.loop import SimulationLoop

T = TypeVar("T")

CLASSES = 7


class SabotagedLink(DirectLink):
    """A direct link that counts its calls, and breaks under one of them: the effect of that comes later, or never."""

    def __init__(self) -> None:
        self.calls = 0
        self.breaks_at: int | None = None
        self.held: list[Callable[[], object]] = []

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        self.calls += 1
        if self.calls == self.breaks_at:
            self.held.append(effect)
            raise LinkDownError("the connection was cut")
        return await super().call(effect, timeout_s)


class Replica:
    """A bus whose links are at hand. It appends two records at once at most."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.links: list[SabotagedLink] = []
        self.bus = MemoryBus(
            cluster,
            self._link,
            classes=CLASSES,
            random_bytes=Random(1).randbytes,
            request_timeout_s=0.5,
            batch_records=2,
        )
        self.appends, self.asks, self.reads, self.group = self.links[:4]

    def _link(self) -> SabotagedLink:
        self.links.append(SabotagedLink())
        return self.links[-1]


def a_cluster(loop: SimulationLoop) -> MemoryCluster:
    """A broker whose clock goes with virtual time."""
    return MemoryCluster(CLASSES, lambda: NOW_MS + int(loop.time() * 1000))
