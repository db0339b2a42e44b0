"""P2, with processes that sleep, die and restart at any step, over links that lose and postpone what they carry."""

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TypeVar

import pytest

from factorsvc.adapters.memory.faulty_link import FaultyLink, Weather
from factorsvc.adapters.memory.memory_redis import Connection, LeaseSight, MemoryRedis, User
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import SlotLostError, StorageConflictError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.slot import SLOTS
from tests.builders import NOW_MS, a_position
from tests.simulation.loop import SimulationLoop
from tests.simulation.node import Node
from tests.simulation.run import run

T = TypeVar("T")

PROCESSES = SLOTS + 3
TTL_S = 4.0


class JudgedRedis(MemoryRedis):
    """Notes who was let into each slot last, and whether anybody else does anything in it."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(now_ms)
        self.holders: dict[int, User] = {}
        self.epochs: dict[int, list[int]] = {slot: [] for slot in range(SLOTS)}
        self.deeds = 0
        self.misdeeds: list[User] = []

    def claim(self, user: User, ttl_s: float, watched: LeaseSight) -> int | None:
        epoch = super().claim(user, ttl_s, watched)
        if epoch is not None:
            former = self.holders.get(user.slot)
            self.holders[user.slot] = user
            if former is None or former.owner != user.owner:
                self.epochs[user.slot].append(epoch)
        return epoch

    def lose_what_is_not_saved(self) -> None:
        """Restart without the last writes, a claim and its epoch perhaps among them: its predecessor's stand again."""
        self.restart(lose_unsaved=True)
        for epochs in self.epochs.values():
            epochs.clear()

    def serve(self, connection: Connection, effect: Callable[[], T]) -> T:
        def judged() -> T:
            if connection.user is not None:
                self.deeds += 1
                if self.holders[connection.user.slot] != connection.user:
                    self.misdeeds.append(connection.user)
            return effect()

        return super().serve(connection, judged)


class Processes:
    """As many processes as may be, each of which claims, renews and writes for as long as it lives."""

    def __init__(self, loop: SimulationLoop, seed: int) -> None:
        self.loop = loop
        self.random = Random(seed)
        self.redis = JudgedRedis(lambda: NOW_MS + round(loop.time() * 1000))
        self.weather = Weather(request_s=(0.0, 0.1), answer_s=(0.0, 0.1))
        self.claims: dict[str, SlotClaim] = {}
        """What each token holds, as far as it knows."""
        self.nodes: dict[str, Node] = {}
        self.started = 0

    def start(self) -> None:
        self.started += 1
        token = f"{self.started}"
        self.nodes[token] = self.loop.node(token)
        self.nodes[token].start(self.live(token))

    def kill(self, token: str) -> None:
        self.nodes.pop(token).kill()
        self.claims.pop(token, None)
        if self.random.random() < 0.8:  # otherwise the machine died with it, and nobody tells the server
            self.redis.disconnect(token)

    async def live(self, token: str) -> None:
        random = Random(f"{token} {self.random.random()}")
        slots = MemorySlotAllocator(
            self.redis,
            token,
            lambda: FaultyLink(self.weather, random, self.loop.neutral_context, give_up_s=0.5),
            SampledClock(self.loop.time),
            random,
            lease_ttl_s=TTL_S,
        )
        while True:
            try:
                claim = await slots.claim()
                if claim is not None:
                    self.claims[token] = claim
                    await self.hold(claim)
            except (StorageUnavailableError, SlotLostError):
                pass
            if (former := self.claims.pop(token, None)) is not None:
                await former.close()
            await asyncio.sleep(random.uniform(0.1, 1.0))

    async def hold(self, claim: SlotClaim) -> None:
        """Renew and write until the lease is no longer sure."""
        offset = 0
        while claim.lease.is_sure(self.loop.time()):
            try:
                await claim.renew()
                for _ in range(3):
                    offset += 1
                    snapshot = await claim.storage.look([0])
                    await claim.storage.commit(snapshot, Change(positions={0: a_position(next_offset=offset)}))
                    await asyncio.sleep(0.3)
            except (StorageUnavailableError, StorageConflictError):
                await asyncio.sleep(0.1)

    async def suffer(self) -> None:
        """One fault, or the end of one."""
        token = self.random.choice(sorted(self.nodes))
        match self.random.randrange(8):
            case 0:
                self.kill(token)
                self.start()
            case 1 | 2:
                self.nodes[token].pause()
            case 3:
                self.nodes[token].resume()
            case 4:
                self.weather.request_lost, self.weather.answer_lost, self.weather.late = 0.1, 0.1, 0.1
            case 5:
                self.weather.request_lost = self.weather.answer_lost = self.weather.late = 0.0
            case 6:
                self.redis.lapse(self.random.randrange(SLOTS))
            case _ if self.random.random() < 0.3:
                self.redis.save()
            case _ if self.random.random() < 0.3:
                self.redis.restart()
            case _ if self.random.random() < 0.3:
                self.redis.lose_what_is_not_saved()
            case _:
                self.redis.wipe()
        await asyncio.sleep(self.random.expovariate(1.0))

    def heal(self) -> None:
        for node in self.nodes.values():
            node.resume()
        self.weather.request_lost = self.weather.answer_lost = self.weather.late = 0.0


@pytest.mark.parametrize("seed", range(10))
def test_one_holder_of_each_slot(seed: int) -> None:
    """P2 at every step: nothing is done in a slot but by who claimed it last; epochs grow; and in the end all heals.

    Epochs grow as long as the server keeps what it has acknowledged; they are for liveness, the fence is for safety.
    """
    run(partial(one_holder_of_each_slot, seed=seed), seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_one_holder_of_each_slot_for_long() -> None:
    """P2, with some hundred more seeds."""
    for seed in range(10, 510):
        run(partial(one_holder_of_each_slot, seed=seed), seed=seed)


async def one_holder_of_each_slot(loop: SimulationLoop, seed: int) -> None:
    """Let processes suffer for a while, and look at what was done in the slots and at who holds them in the end."""
    processes = Processes(loop, seed)
    for _ in range(PROCESSES):
        processes.start()
    for _ in range(60):
        await processes.suffer()
    processes.heal()
    await asyncio.sleep(4 * TTL_S)
    assert processes.redis.misdeeds == []
    held = [claim.slot for claim in processes.claims.values() if claim.lease.is_sure(loop.time())]
    assert sorted(held) == list(range(SLOTS)), "16 hold one each, the others stand by"
    for epochs in processes.redis.epochs.values():
        assert epochs == sorted(set(epochs))
    assert processes.redis.deeds > 500
