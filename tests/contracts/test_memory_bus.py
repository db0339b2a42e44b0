"""The bus in memory keeps the contracts of its ports: at once in real time, and over slow links in simulated time."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TypeVar

import pytest

from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.coordinator import GroupTiming
from factorsvc.adapters.memory.faulty_link import FaultyLink, Weather
from factorsvc.adapters.memory.link import DirectLink, Link, LinkDownError
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.ports.mailbox import Mailbox
from factorsvc.domain.ports.placement import PlacementGroup
from factorsvc.domain.ports.statuses import StatusLog
from tests.builders import NOW_MS
from tests.conftest import EVENT_LOOPS
from tests.contracts.cluster_bus_contract import BusServer, ClusterBusContract
from tests.contracts.journal_contract import JournalContract
from tests.contracts.journal_reading_contract import JournalReadingContract
from tests.contracts.journal_server import CLASSES, JournalServer
from tests.contracts.mailbox_contract import MailboxContract, MailServer
from tests.contracts.placement_cluster import GroupServer
from tests.contracts.placement_contract import PlacementContract
from tests.contracts.server import TroubledServer, until
from tests.contracts.statuses_contract import StatusLogContract, StatusServer
from tests.simulation.loop import SimulationLoop

T = TypeVar("T")

RETENTION_MS = 1_000
TIMING = GroupTiming(session_timeout_s=0.6, heartbeat_s=0.02, rebalance_timeout_s=0.2)


@dataclass(slots=True)
class Plug:
    """Where cables can be pulled; `held` are the effects of postponed calls."""

    is_out: bool = False
    holds: bool = False
    held: list[Callable[[], object]] = field(default_factory=list)


class Cable(Link):
    """A link with plugs: pulled, calls are lost or held, and their callers wait in vain."""

    def __init__(self, inner: Link, *plugs: Plug) -> None:
        self._inner = inner
        self._plugs = plugs
        self._cut = asyncio.Event()

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        if not any(plug.is_out or plug.holds for plug in self._plugs):
            return await self._inner.call(effect, timeout_s)
        for plug in self._plugs:
            if plug.holds:
                plug.held.append(effect)
        try:
            async with asyncio.timeout(timeout_s):
                await self._cut.wait()
        except TimeoutError:
            pass
        raise LinkDownError("no answer")

    def cut(self) -> None:
        self._inner.cut()
        self._cut.set()
        self._cut = asyncio.Event()


class MemoryServer(TroubledServer):
    """A broker in memory, and one plug for all."""

    def __init__(self, weather: Weather | None) -> None:
        self.cluster = MemoryCluster(CLASSES, self.now_ms, timing=TIMING, tombstone_retention_ms=RETENTION_MS)
        self._weather = weather
        self._random = Random(7)
        self._plug = Plug()
        self._own_plugs: dict[int, Plug] = {}

    def now_ms(self) -> int:
        return NOW_MS + int(asyncio.get_running_loop().time() * 1000)

    def bus(self, classes: int = CLASSES) -> MemoryBus:
        plug = Plug()
        bus = MemoryBus(
            self.cluster,
            lambda: Cable(self._link(), self._plug, plug),
            classes=classes,
            random_bytes=self._random.randbytes,
            request_timeout_s=0.2,
            batch_records=7,
        )
        self._own_plugs[id(bus.placement)] = plug
        return bus

    def _link(self) -> Link:
        return DirectLink() if self._weather is None else FaultyLink(self._weather, self._random, copy_context())

    async def silence(self) -> None:
        self._plug.is_out = True

    async def postpone(self) -> None:
        self._plug.holds = True

    async def postponed(self) -> None:
        async def is_so() -> bool:
            return bool(self._plug.held)

        await until(is_so)

    async def refuse(self) -> None:
        self.cluster.stop()

    async def heal(self) -> None:
        self.cluster.start()
        self._plug.is_out = self._plug.holds = False
        for effect in self._plug.held:
            effect()
        self._plug.held.clear()


SIMULATED = [
    pytest.param(("asyncio", {"loop_factory": partial(SimulationLoop, seed)}), id=f"simulated-{seed}")
    for seed in range(3)
]


@pytest.fixture(scope="module", params=[*EVENT_LOOPS, *SIMULATED])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Both real event loops, and some orders in which things may happen."""
    return request.param


@pytest.fixture
def weather(anyio_backend: tuple[str, dict[str, object]]) -> Weather | None:
    """Links that answer at once; in simulated time, where it costs nothing, by a few milliseconds late."""
    is_simulated = "loop_factory" in anyio_backend[1]
    return Weather(request_s=(0.0, 0.003), answer_s=(0.0, 0.003)) if is_simulated else None


class MemoryJournalServer(MemoryServer, JournalServer):
    def client(self, classes: int = CLASSES) -> Journal:
        return self.bus(classes).journal

    async def compact(self, class_id: int) -> None:
        self.cluster.journal.compact(class_id)

    async def drop_tombstones(self, class_id: int) -> None:
        self.cluster.clock_offset_ms += RETENTION_MS
        self.cluster.journal.drop_tombstones(class_id)

    async def cut(self, class_id: int, start: int) -> None:
        self.cluster.journal.log.partitions[class_id].cut(start)

    async def delete(self) -> None:
        self.cluster.journal.delete()


class TestMemoryJournal(JournalContract, JournalReadingContract):
    """`MemoryJournal`."""

    @pytest.fixture
    def server(self, weather: Weather | None) -> JournalServer:
        return MemoryJournalServer(weather)


class MemoryStatusServer(MemoryServer, StatusServer):
    def client(self) -> StatusLog:
        return self.bus().statuses

    async def cut(self) -> None:
        partition = self.cluster.statuses.partitions[0]
        partition.cut(partition.end)


class TestMemoryStatusLog(StatusLogContract):
    """`MemoryStatusLog`."""

    @pytest.fixture
    def server(self, weather: Weather | None) -> StatusServer:
        return MemoryStatusServer(weather)


class MemoryMailServer(MemoryServer, MailServer):
    def client(self) -> Mailbox:
        return self.bus().mailbox

    async def cut(self, slot: int) -> None:
        partition = self.cluster.mail.partitions[slot]
        partition.cut(partition.end)


class TestMemoryMailbox(MailboxContract):
    """`MemoryMailbox`."""

    @pytest.fixture
    def server(self, weather: Weather | None) -> MailServer:
        return MemoryMailServer(weather)


class MemoryGroupServer(MemoryServer, GroupServer):
    def client(self) -> PlacementGroup:
        return self.bus().placement

    async def members(self) -> list[Member]:
        return self.cluster.coordinator.members

    async def isolate(self, client: PlacementGroup) -> None:
        self._own_plugs[id(client)].is_out = True

    async def reconnect(self, client: PlacementGroup) -> None:
        self._own_plugs[id(client)].is_out = False


class TestMemoryPlacementGroup(PlacementContract):
    """`MemoryPlacementGroup`."""

    @pytest.fixture
    def server(self, weather: Weather | None) -> GroupServer:
        return MemoryGroupServer(weather)


class MemoryBusServer(MemoryServer, BusServer):
    def client(self) -> ClusterBus:
        return self.bus()


class TestMemoryBus(ClusterBusContract):
    """`MemoryBus`."""

    @pytest.fixture
    def server(self, weather: Weather | None) -> BusServer:
        return MemoryBusServer(weather)
