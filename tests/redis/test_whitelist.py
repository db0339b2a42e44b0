"""What a replica really sends: all that its user may, and nothing else; and on other databases, what design 5 names."""

from factorsvc.adapters.redis import slot_user
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Change, Want
from tests.builders import a_position, a_present
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.slot_allocator_contract import all_taken
from tests.contracts.slots_server import CLASSES, FAR_MS, store, walk
from tests.servers.administrator import Administrator
from tests.servers.monitor import Monitor
from tests.servers.redis_server import RedisServer

MANY = [a_present(6 * 5 * number) for number in range(1, 200)]
"""Of one class and of two primes, more than one page or one hash of few entries holds."""
OLD = a_present(12, expires_at_ms=1)


async def live(claim: SlotClaim, server: RedisSlotsServer) -> None:
    """Use every method of a claim and of its storage, with room and without."""
    storage = claim.storage
    await claim.renew()
    await store(storage, *MANY, OLD)
    for without_room in (False, True):
        snapshot = await storage.look(range(CLASSES), [OLD.value, 7])
        if without_room:
            await server.fill()
        await storage.remove(snapshot, [OLD.key])
        await server.make_room()
        await store(storage, OLD)
    assert await storage.expired(range(CLASSES), FAR_MS, 10) == [OLD.value]
    await walk(storage, 2, 0, now_ms=0)
    await storage.read([Want(7, 1), Want(3, OLD.value % CLASSES)], 0)
    await storage.sizes(range(CLASSES))
    snapshot = await storage.look([0])
    await storage.commit(snapshot, Change(journal_id=b"journal", loading={0: b"load"}, positions={1: a_position()}))
    await storage.forget([0])
    while not await storage.clear(0, 50):
        await claim.renew()


async def test_it_may_do_what_it_does_and_nothing_else(
    server: RedisSlotsServer, redis_server: RedisServer, administrator: Administrator
) -> None:
    """Every command of the list is sent, none that is sent is refused, and no command but SELECT is another."""
    claim = await server.process().holds()
    async with Monitor(redis_server, administrator) as monitor:
        await live(claim, server)
    (refused,) = await administrator.ask(("ACL", "LOG"))
    administrator_s = await administrator.address()
    sent = {asked.command for asked in monitor.asked if asked.address != administrator_s}
    assert sent - {"select", "auth"} == set(slot_user.COMMANDS)
    assert refused == []


async def test_a_start_touches_no_other_database(
    server: RedisSlotsServer, redis_server: RedisServer, administrator: Administrator
) -> None:
    """Of others it is seen who is there; writes are in the database that is won, and of the claim alone."""
    taken = await all_taken(server)
    for slot in (2, 11):
        await taken[slot][1].release()
    async with Monitor(redis_server, administrator) as monitor:
        claim = await server.process().holds()
        await live(claim, server)
    facts = {"info", "client", "select", "unwatch", "auth", "config", "echo"}
    own = await administrator.address()
    elsewhere = [asked.command for asked in monitor.asked if asked.database != claim.slot and asked.address != own]
    assert set(elsewhere) <= facts
