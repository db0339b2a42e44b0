"""The server in memory, as the contracts want it: its troubles strike the very request that a test names."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import TypeVar

from factorsvc.adapters.memory.clocks import ManualClock
from factorsvc.adapters.memory.link import DirectLink, Link, LinkDownError
from factorsvc.adapters.memory.memory_redis import MemoryRedis, RefusedError
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import FactorsvcError
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from tests.builders import NOW_MS
from tests.contracts.slots_server import CLASSES, PAGE_MEMBERS, Process, SlotsServer, Trouble

T = TypeVar("T")

LEASE_TTL_S = 10.0


class MemorySlotsServer(SlotsServer):
    """A `MemoryRedis` with a clock that stands still, and links that fail on command."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = ManualClock(NOW_MS)
        self.redis = MemoryRedis(self.clock.now_ms)
        self.clock.advance(2 * LEASE_TTL_S)
        self._trouble: Trouble | None = None
        self._spared = 0
        self._is_lasting = False
        self._met = asyncio.Event()
        self._stalled: list[asyncio.Future[None]] = []
        self._postponed: list[Callable[[], object]] = []
        self._tokens: dict[SlotAllocator, str] = {}
        self._seed = seed

    def process(self) -> Process:
        number = len(self._tokens)
        token = f"token {number}"
        clock = SampledClock(lambda: asyncio.get_running_loop().time())
        slots = MemorySlotAllocator(
            self.redis,
            token,
            lambda: _TroubledLink(self),
            clock,
            Random(f"{self._seed} {number}"),
            lease_ttl_s=LEASE_TTL_S,
            look_again_s=0.0,
            classes=CLASSES,
            page_members=PAGE_MEMBERS,
        )
        self._tokens[slots] = token
        return Process(slots, clock)

    async def kill(self, process: Process) -> None:
        self.redis.disconnect(self._tokens[process.slots])

    def trouble(self, trouble: Trouble, after: int = 0, *, lasting: bool = False) -> None:
        self._trouble, self._spared, self._is_lasting = trouble, after, lasting
        self._met.clear()

    async def met(self) -> object:
        return await self._met.wait()

    def calm(self) -> bool:
        self._trouble = None
        return self._met.is_set()

    async def heal(self) -> None:
        self._trouble = None
        for stalled in self._stalled:
            if not stalled.done():
                stalled.set_result(None)
        postponed, self._postponed = self._postponed, []
        for effect in postponed:
            with suppress(FactorsvcError, LinkDownError, RefusedError):
                effect()

    async def leased(self, slot: int) -> bool:
        return self.redis.survey().slots[slot].leased

    async def lapse(self, slot: int) -> None:
        self.redis.lapse(slot)

    async def fill(self) -> None:
        self.redis.full = True

    async def make_room(self) -> None:
        self.redis.full = False

    async def wipe(self) -> None:
        self.redis.wipe()

    async def restart(self) -> None:
        self.redis.restart()

    def next_fate(self) -> Trouble | None:
        """What becomes of the next request."""
        trouble = self._trouble
        if trouble is None:
            return None
        if self._spared:
            self._spared -= 1
            return None
        if not self._is_lasting:
            self._trouble = None
        self._met.set()
        return trouble

    def postpone(self, effect: Callable[[], object]) -> None:
        """Keep `effect` until the trouble ends."""
        self._postponed.append(effect)

    def stall(self) -> asyncio.Future[None]:
        """Return what is done when the trouble ends."""
        self._stalled.append(asyncio.get_running_loop().create_future())
        return self._stalled[-1]


class _TroubledLink(Link):
    def __init__(self, server: MemorySlotsServer) -> None:
        self._server = server
        self._stalled: list[asyncio.Future[None]] = []

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        match self._server.next_fate():
            case Trouble.REQUEST_LOST:
                raise LinkDownError("lost")
            case Trouble.ANSWER_LOST:
                effect()
                raise LinkDownError("lost")
            case Trouble.STALLED:
                answer = effect()
                self._stalled.append(self._server.stall())
                await self._stalled[-1]
                return answer
            case Trouble.HELD_UP:
                self._server.postpone(effect)
                self._stalled.append(self._server.stall())
                await self._stalled[-1]
                raise LinkDownError("lost")
            case Trouble.POSTPONED:
                self._server.postpone(effect)
                raise LinkDownError("lost")
            case Trouble.REFUSED:
                raise LinkDownError("refused", sent=False)
            case None:
                return await DirectLink().call(effect)

    def cut(self) -> None:
        for stalled in self._stalled:
            if not stalled.done():
                stalled.set_exception(LinkDownError("cut"))
