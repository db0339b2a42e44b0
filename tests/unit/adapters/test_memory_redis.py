"""What no contract asks of the server in memory: its clock, its restarts, and calls that are under way for a while."""

import asyncio
from random import Random

import pytest

from factorsvc.adapters.memory.faulty_link import FaultyLink, Weather
from factorsvc.adapters.memory.link import DirectLink, LinkDownError
from factorsvc.adapters.memory.memory_redis import Connection, MemoryRedis, User
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.slot import SLOTS
from tests.builders import NOW_MS, a_present
from tests.contracts.memory_slots_server import LEASE_TTL_S, MemorySlotsServer
from tests.contracts.slots_server import Trouble, store
from tests.simulation.loop import SimulationLoop
from tests.simulation.run import run


async def test_leases_end_by_the_server_s_clock() -> None:
    server = MemorySlotsServer()
    claim = await server.process().holds()
    server.clock.advance(LEASE_TTL_S - 0.001)
    await claim.renew()
    server.clock.advance(LEASE_TTL_S - 0.001)
    await claim.renew()
    server.clock.advance(LEASE_TTL_S)
    with pytest.raises(SlotLostError):
        await claim.renew()


async def test_an_epoch_is_the_server_s_time_where_that_is_larger() -> None:
    server = MemorySlotsServer()
    process = server.process()
    first = await process.holds()
    assert first.epoch == server.clock.now_ms()
    await first.release()
    assert (await process.holds()).epoch == first.epoch + 1
    await (await process.holds()).release()
    server.clock.advance(60)
    assert (await process.holds()).epoch == server.clock.now_ms()


async def test_renewals_teach_the_replica_the_server_s_time() -> None:
    server = MemorySlotsServer()
    process = server.process()
    claim = await process.holds()
    assert process.clock.now_ms() == pytest.approx(server.clock.now_ms(), abs=1000)
    server.clock.advance(5)
    await claim.renew()
    assert process.clock.now_ms() == pytest.approx(server.clock.now_ms(), abs=1000)


async def test_a_restart_may_lose_what_was_not_saved() -> None:
    """AOF everysec: data and leases are those of the save point, and whoever held a slot since must claim again."""
    server = MemorySlotsServer()
    early, late = server.process(), server.process()
    claim = await early.holds()
    await store(claim.storage, a_present(6))
    server.redis.save()
    await store(claim.storage, a_present(11))
    lost = await late.holds()
    server.redis.restart(lose_unsaved=True)
    for each in (claim, lost):
        with pytest.raises(SlotLostError):
            await each.renew()
    again = await early.holds()
    assert (again.slot, again.epoch) == (claim.slot, claim.epoch)
    assert (await again.storage.look([], [6, 11])).presents.keys() == {6}
    await store(again.storage, a_present(16))
    server.redis.restart(lose_unsaved=True)
    assert not server.redis.survey().slots[lost.slot].leased
    again = await early.holds()
    assert (await again.storage.look([], [6, 11, 16])).presents.keys() == {6}, "the save point is not touched"


async def test_a_restart_loses_nothing_by_itself() -> None:
    server = MemorySlotsServer()
    process = server.process()
    await store((await process.holds()).storage, a_present(6))
    server.redis.restart()
    assert (await (await process.holds()).storage.look([], [6])).presents.keys() == {6}


async def test_a_server_that_is_down_refuses_without_a_doubt() -> None:
    server = MemorySlotsServer()
    claim = await server.process().holds()
    server.redis.down = True
    with pytest.raises(StorageUnavailableError) as raised:
        await claim.renew()
    assert isinstance(raised.value.__cause__, LinkDownError)
    assert not raised.value.__cause__.sent
    server.redis.down = False
    await claim.renew()


def test_what_arrives_over_a_connection_after_its_client_hung_up_connects_nobody() -> None:
    """A request to connect that is late must not make a dead process look alive."""
    redis = MemoryRedis(lambda: NOW_MS)
    connection = Connection("token", DirectLink())
    redis.hang_up(connection)
    with pytest.raises(LinkDownError):
        redis.connect(connection)
    assert not any(sight.connected for sight in redis.survey().slots)


def test_a_lease_that_comes_and_goes_unseen_spoils_a_watch() -> None:
    """Nothing, somebody else's, expired again: whoever watched at first claims nothing (ABA)."""
    redis = MemoryRedis(lambda: NOW_MS)
    connection = Connection("a", DirectLink())
    watched = redis.watch_lease(connection, 3)
    assert redis.claim(User(3, "b", 0), 10.0, watched) is not None
    redis.lapse(3)
    assert redis.claim(User(3, "a", 0), 10.0, watched) is None
    assert redis.claim(User(3, "a", 0), 10.0, redis.watch_lease(connection, 3)) is not None


async def test_a_claimer_that_slept_claims_another_slot() -> None:
    """Between its look at a lease and its claim somebody else took the slot, and stays in it."""
    server = MemorySlotsServer()
    others = [await server.process().holds() for _ in range(SLOTS)]
    await others[0].release()
    sleeper, claims = server.process(), list[SlotClaim | None]()
    server.trouble(Trouble.STALLED, after=2)  # connect, survey, and the answer to its look is on its way

    async def claim() -> None:
        claims.append(await sleeper.slots.claim())

    async with asyncio.TaskGroup() as group:
        group.create_task(claim())
        await server.met()
        successor = await server.process().holds()
        await server.heal()
    assert claims == [None]
    await successor.renew()
    await store(successor.storage, a_present(6))


def test_a_call_that_is_under_way_at_the_fence_has_no_effect() -> None:
    """P2: its holder learns at once that the slot is lost, and the successor never sees the write."""

    async def main(loop: SimulationLoop) -> None:
        redis = MemoryRedis(lambda: NOW_MS + round(loop.time() * 1000))
        weather = Weather()
        clock, random = SampledClock(loop.time), Random(1)
        slow = MemorySlotAllocator(redis, "a", lambda: FaultyLink(weather, random, loop.neutral_context), clock, random)
        fast = MemorySlotAllocator(redis, "b", DirectLink, clock, random)
        former = await slow.claim()
        assert former is not None
        await store(former.storage, a_present(61))
        snapshot = await former.storage.look([1], [62])
        weather.request_s = (1.0, 1.0)

        async def write() -> None:
            with pytest.raises(SlotLostError):
                await former.storage.commit(snapshot, Change(presents={62: a_present(62)}))

        async with asyncio.TaskGroup() as group:
            task = group.create_task(write())
            await asyncio.sleep(0.5)
            redis.lapse(former.slot)
            weather.request_s = (0.0, 0.0)
            successor = await fast.claim()
            assert successor is not None
            assert successor.slot == former.slot, "it holds a view"
            await asyncio.sleep(0.1)
            assert task.done(), "it does not wait for what never comes"
        await asyncio.sleep(10)
        assert (await successor.storage.look([1], [61, 62])).presents.keys() == {61}

    run(main, seed=1)


def test_a_holder_that_comes_back_between_two_looks_is_not_dead() -> None:
    """A lost answer leaves a holder without a connection for a moment: that is a suspicion, and needs a second look."""

    async def main(loop: SimulationLoop) -> None:
        redis = MemoryRedis(lambda: NOW_MS + round(loop.time() * 1000))
        weather, random = Weather(), Random(1)

        def process(token: str) -> MemorySlotAllocator:
            clock = SampledClock(loop.time)
            return MemorySlotAllocator(
                redis, token, lambda: FaultyLink(weather, random, loop.neutral_context, give_up_s=0.1), clock, random
            )

        await asyncio.sleep(20)
        claims = [await process(f"{number}").claim() for number in range(SLOTS)]
        weather.request_lost = 1.0
        assert claims[0] is not None
        with pytest.raises(StorageUnavailableError):
            await claims[0].renew()
        weather.request_lost = 0.0
        async with asyncio.TaskGroup() as group:
            standby = group.create_task(process("standby").claim())
            await asyncio.sleep(0.5)
            assert not redis.survey().slots[claims[0].slot].connected
            await claims[0].renew()
        assert standby.result() is None
        await claims[0].renew()

    run(main, seed=1)
