"""What only a real database can say of the storage: what stands in it, how it is walked, and what it refuses."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from factorsvc.adapters.redis.layout import Layout
from factorsvc.domain.errors import StorageConflictError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Change, Storage, Want
from tests.builders import NOW_MS, a_position, a_present
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.slots_server import CLASSES, Trouble, held_by, step, store, whole
from tests.contracts.storage_doubt_contract import OLD, OTHER, UNCHANGED, VALUES, Operation, every_write
from tests.servers.administrator import Administrator
from tests.servers.monitor import Monitor
from tests.servers.redis_server import RedisServer


@pytest.fixture
async def claim(administrator: Administrator, server: RedisSlotsServer) -> SlotClaim:
    await administrator.begin_anew()
    return await server.process().holds()


@pytest.fixture
def storage(claim: SlotClaim) -> Storage:
    return claim.storage


class Inspector:
    """Looks into the database of a claim's slot."""

    def __init__(self, administrator: Administrator, claim: SlotClaim) -> None:
        self._administrator = administrator
        self._slot = claim.slot
        self.layout = Layout(claim.slot)

    async def ask(self, *command: str | bytes | int) -> Any:
        return await self._administrator.in_slot(self._slot, command)

    async def keys(self) -> set[bytes]:
        return set(await self.ask("KEYS", "*"))

    async def mapping(self, *command: str | bytes | int) -> dict[bytes, bytes]:
        """What a command returns alternately, as keys and values."""
        answer = await self.ask(*command)
        return dict(zip(answer[::2], answer[1::2], strict=True))


@pytest.fixture
def inspector(administrator: Administrator, claim: SlotClaim) -> Inspector:
    return Inspector(administrator, claim)


async def test_the_database_is_laid_out_as_designed(claim: SlotClaim, storage: Storage, inspector: Inspector) -> None:
    """Design 7, key by key, and nothing else is there."""
    six, seven, one = a_present(6, expires_at_ms=NOW_MS), a_present(7), a_present(1)
    await store(storage, six, seven, one, positions={2: a_position(load_id=b"load 2")})
    await storage.commit(await storage.look([1]), Change(loading={1: b"load 1"}, journal_id=b"journal id"))
    layout = inspector.layout
    assert await inspector.mapping("HGETALL", layout.view) == {
        b"epoch": b"%d" % claim.epoch,
        b"journal": b"journal id",
        b"written": b"",
        b"1": b"loading load 1",
        b"2": b"10 %d load 2" % NOW_MS,
    }
    states = {b"6": b"%d 2,3 %b" % (NOW_MS, six.put_id), b"1": b"-  %b" % one.put_id}
    assert await inspector.mapping("HGETALL", layout.values(1)) == states
    assert await inspector.mapping("HGETALL", layout.values(2)) == {b"7": b"- 7 %b" % seven.put_id}
    hints = await inspector.mapping("ZRANGE", layout.hints(1), 0, -1, "WITHSCORES")
    assert hints == {b"6": b"%d" % NOW_MS}
    for prime, class_id, member, score in (
        (b"2", 1, b"6 2,3", b"%d" % NOW_MS),
        (b"3", 1, b"6 2,3", b"%d" % NOW_MS),
        (b"7", 2, b"7 7", b"inf"),
    ):
        index = await inspector.mapping("ZRANGE", layout.index(prime, class_id), 0, -1, "WITHSCORES")
        assert index == {member: score}
    indexes = {layout.index(prime, class_id) for prime, class_id in ((b"2", 1), (b"3", 1), (b"7", 2))}
    others = {layout.lease, layout.view, layout.values(1), layout.values(2), layout.hints(1)}
    assert await inspector.keys() == indexes | others


@pytest.mark.parametrize("is_cleared", [False, True], ids=["removed", "cleared"])
async def test_nothing_is_left_of_what_is_gone(storage: Storage, inspector: Inspector, *, is_cleared: bool) -> None:
    """No key of values that were removed, be it by tombstones and the sweeper or because their class was dropped."""
    presents = [a_present(value, expires_at_ms=value % 3 * NOW_MS or None) for value in range(1, 200)]
    await store(storage, *presents)
    if is_cleared:
        await storage.forget(range(CLASSES))
        for class_id in range(CLASSES):
            while not await storage.clear(class_id, 30):
                pass
    else:
        gone = {present.value: None for present in presents[:100]}
        await storage.commit(await storage.look([], gone), Change(presents=gone))
        snapshot = await storage.look([], [present.value for present in presents])
        await storage.remove(snapshot, [present.key for present in presents])
        await storage.forget(range(CLASSES))
    assert await inspector.keys() == {inspector.layout.lease, inspector.layout.view}


async def test_a_look_watches_before_it_reads(
    claim: SlotClaim, administrator: Administrator, redis_server: RedisServer
) -> None:
    """What is written in between would be missing in the snapshot, and no commit would notice."""
    await claim.storage.look([1])
    async with Monitor(redis_server, administrator) as monitor:
        await claim.storage.look([1], [6])
    assert [asked.command for asked in monitor.asked if asked.database == claim.slot] == [
        "unwatch",
        "watch",
        "hmget",
        "hmget",
    ]


async def test_a_look_is_not_held_to_what_an_earlier_one_has_seen(storage: Storage) -> None:
    """A connection goes on watching what it has watched before, so a look must end that first."""
    await storage.commit(await storage.look([1]), Change(positions={1: a_position()}))
    await storage.look([1])
    await storage.forget([1])
    await storage.commit(await storage.look([1]), Change(positions={1: a_position()}))
    assert (await storage.look([1])).positions == {1: a_position()}


async def test_a_removal_in_steps_sees_a_wipe(server: RedisSlotsServer, storage: Storage) -> None:
    """The answer to a transaction that finds no room does not tell what the connection has watched."""
    await store(storage, OLD, OTHER)
    snapshot = await storage.look([1], [6])
    await server.wipe()
    await server.fill()
    with pytest.raises(StorageConflictError):
        await storage.remove(snapshot, [OLD.key])


async def test_a_reading_tells_what_the_view_has_become_meanwhile(server: RedisSlotsServer, storage: Storage) -> None:
    """A large set is read in several writes, between which the class may be dropped: it is seen at the end (rule 5)."""
    await store(storage, *map(a_present, range(2, 2 * 100 * CLASSES, 2 * CLASSES)))
    await storage.read([Want(2, 2)], NOW_MS)
    server.trouble(Trouble.STALLED, after=1)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(storage.read([Want(2, 2)], NOW_MS))
        await server.met()
        await storage.forget([2])
        await server.heal()
    assert (reading.result().before, reading.result().after) == ({2: a_position()}, {})


async def test_a_walk_through_a_set_that_grows_and_shrinks_misses_nothing_that_stays(storage: Storage) -> None:
    """The server's table of members is made anew several times over under the walk, in both directions."""
    values = iter(range(2, 2 * CLASSES * 10_000, 2 * CLASSES))
    stay, passing = set(islice(values, 300)), []
    await store(storage, *map(a_present, stay))
    found, cursor = await step(storage, 2, 2, NOW_MS)
    for turn in _turns():
        if cursor is None:
            break
        if turn == "grow":
            come = list(islice(values, 200))
            passing += come
            await store(storage, *map(a_present, come))
        else:
            go = dict.fromkeys(passing[:400])
            del passing[:400]
            await storage.commit(await storage.look([2], go), Change(presents=go))
        page, cursor = await step(storage, 2, 2, NOW_MS, cursor)
        found += page
    assert stay <= set(found)


def _turns() -> Iterator[str]:
    """A growth to more than tenfold, then a decline to a tenth; and so on."""
    while True:
        yield from ["grow"] * 20
        yield from ["shrink"] * 10


async def test_a_large_class_is_cleared_by_walking_it_once(storage: Storage, inspector: Inspector) -> None:
    """A walk that began anew each time would first pass all the places that it has emptied."""
    values = range(1, CLASSES * 4_000, CLASSES)
    for start in range(0, len(values), 200):
        await store(storage, *map(a_present, values[start : start + 200]))
    await storage.forget([1])
    await inspector.ask("CONFIG", "RESETSTAT")
    while not await storage.clear(1, 200):
        pass
    statistics = (await inspector.ask("INFO", "commandstats")).decode()
    (scans,) = [line for line in statistics.splitlines() if line.startswith("cmdstat_hscan:")]
    assert int(scans.partition("calls=")[2].partition(",")[0]) <= 2 * len(values) // 200


@every_write
async def test_a_server_that_takes_no_writes_is_unavailable(
    storage: Storage, administrator: Administrator, operation: Operation
) -> None:
    """As when it cannot save, or was demoted: nothing is done, nothing is in doubt, reads go on, and later it works."""
    await store(storage, OLD, OTHER)
    snapshot = await storage.look([1], [6])
    await administrator.ask(("CONFIG", "SET", "min-replicas-to-write", 1))
    try:
        with pytest.raises(StorageUnavailableError):
            await operation(storage, snapshot)
        assert await held_by(storage, VALUES) == UNCHANGED
    finally:
        await administrator.ask(("CONFIG", "SET", "min-replicas-to-write", 0))
    await operation(storage, await storage.look([1], [6]))


async def test_a_class_of_which_a_commit_was_half_done_is_forgotten(storage: Storage, inspector: Inspector) -> None:
    """An EXEC goes on after a command that fails, here for something foreign under one of our keys."""
    await store(storage, OTHER, positions={1: a_position(), 2: a_position()})
    await inspector.ask("SET", inspector.layout.values(1), "foreign")
    with pytest.raises(StorageUnavailableError):
        await storage.commit(await storage.look([1]), Change(presents={6: OLD}, positions={1: a_position()}))
    await inspector.ask("DEL", inspector.layout.values(1))
    assert (await storage.look(range(CLASSES))).positions == {2: a_position()}
    while not await storage.clear(1, 10):
        pass
    assert (await held_by(storage, [12])).presents == whole([OTHER]).presents
