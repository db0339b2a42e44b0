"""What only a real server can say of claims: who is connected, where, as whom, and what it was asked."""

import asyncio
from pathlib import Path

import pytest

from factorsvc.adapters.redis.slot_user import name_of
from factorsvc.adapters.redis.survey import claimer_of
from factorsvc.domain.errors import StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.slot import SLOTS
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.server import until, within
from tests.contracts.slot_allocator_contract import all_taken, works
from tests.contracts.slots_server import Process, Trouble
from tests.servers.administrator import Administrator
from tests.servers.redis_server import RedisServer, program_named


async def seen(administrator: Administrator, field: str) -> list[str]:
    """The values of a field of CLIENT LIST, of all connections but the administrator's."""
    own, clients = await administrator.ask(("CLIENT", "ID"), ("CLIENT", "LIST"))
    lines = [dict(word.split("=", 1) for word in line.split(" ")) for line in clients.decode().splitlines()]
    return [line[field] for line in lines if line["id"] != str(own)]


async def claim_until(process: Process, enough: asyncio.Event, held: list[SlotClaim]) -> None:
    """Claim as a standby does, until there are `enough`."""
    while not enough.is_set():
        claim = await process.slots.claim()
        if claim is not None:
            held.append(claim)
            if len(held) == SLOTS:
                enough.set()
            return
        await asyncio.sleep(0.01)


async def test_forty_at_once_are_sixteen_holders(server: RedisSlotsServer) -> None:
    """P2: 40 processes start together; 16 of them hold a slot each, all different, and the others none."""
    enough, held = asyncio.Event(), list[SlotClaim]()
    processes = [server.process() for _ in range(40)]
    async with asyncio.TaskGroup() as group:
        for process in processes:
            group.create_task(claim_until(process, enough, held))
    assert {claim.slot for claim in held} == set(range(SLOTS))
    assert len(held) == SLOTS
    assert all([await works(claim) for claim in held])


@pytest.mark.parametrize("trouble", [Trouble.HELD_UP, Trouble.POSTPONED])
async def test_a_claimer_that_sleeps_cannot_push_out_its_successor(server: RedisSlotsServer, trouble: Trouble) -> None:
    """P2: frozen between its look at the lease and its claim, it finds on waking that the lease is another's."""
    taken = await all_taken(server)
    await taken[7][1].release()
    sleeper, successor = server.process(), server.process()
    server.trouble(trouble, after=3)  # it logs in, looks around, and watches the lease
    async with asyncio.TaskGroup() as group:
        sleeping = group.create_task(unanswered(sleeper))
        await within(server.met())
        claim = await successor.holds()
        await server.heal()
    assert sleeping.result()
    assert claim.slot == 7
    assert await works(claim)
    assert await sleeper.slots.claim() is None


async def unanswered(process: Process) -> bool:
    """Claim, and tell whether that got no answer."""
    try:
        await process.slots.claim()
    except StorageUnavailableError:
        return True
    return False


async def test_a_holder_is_connected_as_its_slot_s_user_in_its_database(
    server: RedisSlotsServer, administrator: Administrator
) -> None:
    """P1: when the claim is made, the credentials that all share are out of use."""
    claim = await server.process().holds()
    await until(lambda: _shared_is_gone(administrator))
    assert set(await seen(administrator, "db")) == {str(claim.slot)}


async def _shared_is_gone(administrator: Administrator) -> bool:
    users = await seen(administrator, "user")
    return bool(users) and "default" not in users


async def test_a_released_slot_has_no_user(server: RedisSlotsServer, administrator: Administrator) -> None:
    """What is late of the claim can do nothing any more, though nobody has claimed the slot since."""
    claim = await server.process().holds()
    assert await administrator.ask(("ACL", "USERS")) == [[b"default", name_of(claim.slot).encode()]]
    await claim.release()
    assert await administrator.ask(("ACL", "USERS")) == [[b"default"]]


async def test_the_lease_of_a_dead_process_becomes_its_successor_s(aged: RedisSlotsServer) -> None:
    """By its token: the successor can give it back, and the dead one, should it wake, does not find its own there."""
    taken = await all_taken(aged)
    await aged.kill(taken[4][0])
    claim = await aged.process().holds()
    assert claim.slot == 4
    await claim.release()
    assert not await aged.leased(4)


async def test_a_try_that_failed_leaves_no_trace(aged: RedisSlotsServer, administrator: Administrator) -> None:
    """A claimer that stayed in a slot of somebody else would make a dead lease look alive."""
    taken = await all_taken(aged)
    process, _ = taken[5]
    await aged.lapse(5)
    await aged.process().holds()
    await aged.kill(taken[9][0])
    aged.trouble(Trouble.STALLED, after=4)  # it logs in, looks around, finds 5 another's, leaves, and looks again
    async with asyncio.TaskGroup() as group:
        claiming = group.create_task(process.slots.claim())
        await within(aged.met())
        names = await seen(administrator, "name")
        await aged.heal()
    assert set(names) == {""}
    claim = claiming.result()
    assert claim is not None
    assert claim.slot == 9


@pytest.mark.parametrize("passed", [3, 4, 5, 6], ids=["claim", "AUTH", "SELECT", "renewal"])
async def test_who_claims_is_seen_to(server: RedisSlotsServer, administrator: Administrator, passed: int) -> None:
    """Until the first renewal has come through, its name tells of a claimer that it is there, also in database 0."""
    server.trouble(Trouble.HELD_UP, passed)
    async with asyncio.TaskGroup() as group:
        group.create_task(unanswered(server.process()))
        await within(server.met())
        names = await seen(administrator, "name")
        await server.heal()
    assert len({claimer_of(slot) for slot in range(SLOTS)}.intersection(names)) == 1


async def test_a_server_with_fewer_databases_has_fewer_slots(redis_server: RedisServer, tmp_path: Path) -> None:
    """Each of them is given, and nobody is given another."""
    few = RedisServer(program_named(redis_server.program.name), tmp_path, databases=3)
    await asyncio.to_thread(few.start)
    server = RedisSlotsServer(few)
    try:
        claims = [await server.process().holds() for _ in range(3)]
        assert {claim.slot for claim in claims} == {0, 1, 2}
        assert await server.process().slots.claim() is None
    finally:
        await server.close()
        await asyncio.to_thread(few.kill)
