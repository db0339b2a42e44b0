"""FACTORSVC_REDIS_ACL=off: what still keeps P2 where no server confines a replica (ADR 6)."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from itertools import count

import pytest

from factorsvc.adapters.redis.confinement import SharedUser
from factorsvc.adapters.redis.connection import Login, Server
from factorsvc.adapters.redis.layout import Layout
from factorsvc.adapters.redis.leased_connection import _TRIES
from factorsvc.adapters.redis.server_checks import check_server
from factorsvc.domain.errors import SlotLostError, StorageConflictError, StorageMismatchError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Snapshot, Storage
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.server import within
from tests.contracts.slots_server import Trouble, held_by, store
from tests.contracts.storage_doubt_contract import CHANGE, OLD, OTHER, VALUES, WRITES, Operation, every_write
from tests.redis.serving import found_in, service
from tests.servers.administrator import SHARED, Administrator
from tests.servers.monitor import Monitor
from tests.servers.redis_server import HOST, RedisServer

LONG_MS = 100_000
"""Longer than any lease of these tests."""


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[RedisSlotsServer]:
    server = RedisSlotsServer(redis_server, SharedUser(SHARED), lease_ttl_s=LONG_MS / 2_000)
    await server.open()
    yield server
    await server.close()


@pytest.fixture
def administrator(server: RedisSlotsServer) -> Administrator:
    """Finds what `server` was left with, by whomever was there before."""
    return server._administrator


@pytest.fixture
async def holder(server: RedisSlotsServer) -> SlotClaim:
    """Has a slot with a value that has expired, in class 1, and one in class 2."""
    claim = await server.process().holds()
    await store(claim.storage, OLD, OTHER)
    return claim


async def succeeds(server: RedisSlotsServer, slot: int) -> SlotClaim:
    """Let the lease of `slot`, which is the only one with a view, run out, and claim it by another process."""
    await server.lapse(slot)
    successor = await server.process().holds()
    assert successor.slot == slot
    return successor


@every_write
@pytest.mark.parametrize("trouble", [Trouble.STALLED, Trouble.POSTPONED], ids=["frozen", "late"])
async def test_a_write_after_another_s_claim_is_refused(
    server: RedisSlotsServer, operation: Operation, trouble: Trouble
) -> None:
    """P2: frozen after any step of a write, and woken when the slot is another's; or with a step still on its way."""

    async def write(storage: Storage, snapshot: Snapshot) -> None:
        with suppress(SlotLostError, StorageConflictError, StorageUnavailableError):
            await operation(storage, snapshot)

    for passed in count():
        former = await server.process().holds()
        await store(former.storage, OLD, OTHER)
        snapshot = await former.storage.look([1], [6])
        server.trouble(trouble, passed)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write(former.storage, snapshot))
            meeting = group.create_task(server.met())
            await asyncio.wait([writing, meeting], return_when=asyncio.FIRST_COMPLETED)
            meeting.cancel()
            met = server.calm()
            successor = await succeeds(server, former.slot)
            before = await held_by(successor.storage, VALUES)
            await server.heal()
        assert await held_by(successor.storage, VALUES) == before
        await successor.release()
        if not met:
            break


@every_write
async def test_who_wakes_up_later_writes_nothing(
    server: RedisSlotsServer, holder: SlotClaim, operation: Operation
) -> None:
    """P2: with what it saw before, and with what it sees now; from then on its claim is over, also for reads."""
    snapshot = await holder.storage.look([1], [6])
    successor = await succeeds(server, holder.slot)
    before = await held_by(successor.storage, VALUES)
    with pytest.raises((SlotLostError, StorageConflictError)):  # the look is no more good, for whatever reason
        await operation(holder.storage, snapshot)
    with pytest.raises(SlotLostError):
        await operation(holder.storage, await holder.storage.look([1], [6]))
    with pytest.raises(SlotLostError):
        await holder.storage.sizes([1])
    assert await held_by(successor.storage, VALUES) == before


async def test_a_woken_holder_does_not_touch_the_lease_of_another(
    server: RedisSlotsServer, holder: SlotClaim, administrator: Administrator
) -> None:
    """It looks first; its own ttl might be shorter than the one that the other believes in."""
    await succeeds(server, holder.slot)
    lease = Layout(holder.slot).lease
    await administrator.in_slot(holder.slot, ("PEXPIRE", lease, LONG_MS))
    with pytest.raises(SlotLostError):
        await holder.renew()
    assert await administrator.in_slot(holder.slot, ("PTTL", lease)) > LONG_MS / 2


async def test_who_prolongs_another_s_lease_does_not_take_it_for_its_own(
    server: RedisSlotsServer, holder: SlotClaim
) -> None:
    """P2: frozen between the look at its lease and the renewal, it finds out by the look after."""
    sure_until = holder.lease.sure_until
    server.trouble(Trouble.STALLED)
    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(loses(holder))
        await within(server.met())
        successor = await succeeds(server, holder.slot)
        await server.heal()
    assert renewing.result()
    assert holder.lease.sure_until == sure_until
    await successor.renew()


async def loses(claim: SlotClaim) -> bool:
    """Renew, and tell whether that finds the slot lost."""
    try:
        await claim.renew()
    except SlotLostError:
        return True
    return False


async def test_a_renewal_amid_a_write_is_no_claim(server: RedisSlotsServer, holder: SlotClaim) -> None:
    """It touches the lease as one does, so what builds on nothing older is done again by itself."""
    server.trouble(Trouble.STALLED)
    async with asyncio.TaskGroup() as group:
        group.create_task(holder.storage.forget([1]))
        await within(server.met())
        server.calm()
        await holder.renew()
        await server.heal()
    assert (await holder.storage.look([1, 2])).positions.keys() == {2}


async def test_a_renewal_between_look_and_commit_conflicts(holder: SlotClaim) -> None:
    """What builds on a look is for its maker to do again."""
    snapshot = await holder.storage.look([1], [6])
    await holder.renew()
    with pytest.raises(StorageConflictError):
        await holder.storage.commit(snapshot, CHANGE)
    await holder.storage.commit(await holder.storage.look([1], [6]), CHANGE)


async def test_nobody_tries_for_ever(server: RedisSlotsServer, holder: SlotClaim) -> None:
    """A lease that is touched amid every try: the write is given up as unavailable, and the claim goes on."""

    async def forget() -> None:
        with pytest.raises(StorageUnavailableError):
            await holder.storage.forget([1])

    server.trouble(Trouble.STALLED)
    async with asyncio.TaskGroup() as group:
        group.create_task(forget())
        for _ in range(_TRIES):
            await within(server.met())
            server.calm()
            await holder.renew()
            await server.heal()
            server.trouble(Trouble.STALLED, after=1)  # the transaction passes, the next look does not
    server.calm()
    assert (await holder.storage.look([1, 2])).positions.keys() == {1, 2}


async def test_everything_is_written_under_a_watch(
    redis_server: RedisServer, holder: SlotClaim, administrator: Administrator
) -> None:
    """No write is outside a transaction, and something is watched before each; no user is made or removed."""
    async with Monitor(redis_server, administrator) as monitor:
        for operation in WRITES.values():
            await operation(holder.storage, await holder.storage.look([1], [6]))
        await holder.renew()
        await holder.release()
    own = [asked for asked in monitor.asked if asked.database == holder.slot]
    for address in {asked.address for asked in own}:
        assert unwatched([asked.command for asked in own if asked.address == address]) == []
    assert "acl" not in {asked.command for asked in own}
    assert await administrator.ask(("ACL", "USERS")) == [[b"default"]]


def unwatched(commands: Iterable[str]) -> list[str]:
    """Those of one connection's commands that write and are not in a transaction under a watch."""
    found: list[str] = []
    is_watching = is_inside = False
    for command in commands:
        match command:
            case "watch":
                is_watching = True
            case "multi":
                is_inside = True
            case "exec" | "unwatch":
                is_watching = is_inside = False
            case "hset" | "hdel" | "zadd" | "zrem" | "unlink" | "del" if not (is_watching and is_inside):
                found.append(command)
    return found


async def test_no_right_to_administrate_users_is_needed(
    redis_server: RedisServer, administrator: Administrator
) -> None:
    """Where it is required, the error names the choice; where it was made, a warning names what it gives up."""
    await administrator.ask(("ACL", "SETUSER", "replica", "reset", "on", ">secret", "~*", "+@all", "-acl"))
    server, login = Server(HOST, redis_server.port, timeout_s=20.0), Login("replica", "secret")
    with pytest.raises(StorageMismatchError, match="FACTORSVC_REDIS_ACL=off"):
        await check_server(server, login)
    (warning,) = await check_server(server, login, SharedUser(login))
    assert "FACTORSVC_REDIS_ACL=off" in warning
    assert "P1" in warning


def test_a_whole_process_does_without_users(empty_server: RedisServer) -> None:
    """Started, used and drained by credentials that may not administrate users: a warning, and else no difference."""
    asyncio.run(let_in(empty_server))
    own = {"redis_username": "replica", "redis_password": "secret"}
    with service(empty_server, redis_acl="off", lease_ttl_s=1, **own) as replica:
        assert "P1" in replica.command.event("redis_warning")["warning"]
        slot = replica.command.event("slot_claimed")["slot"]
        replica.command.event("ready")
        assert replica.post([144, 120], 300).status_code == 200
        assert found_in(replica.client.get("/values/5")) == {120}
        replica.command.signal(signal.SIGTERM)
        assert replica.command.event("slot_released")["slot"] == slot
        assert replica.command.exit_code() == 0


async def let_in(server: RedisServer) -> None:
    """Make credentials that may do everything but administrate users."""
    administrator = Administrator(server)
    await administrator.ask(("ACL", "SETUSER", "replica", "reset", "on", ">secret", "~*", "+@all", "-acl"))
    administrator.close()
