"""P1: all that a whole process asks of the server, from its start until it has drained."""

import asyncio
import signal
from collections import defaultdict

from factorsvc.adapters.redis.slot_user import COMMANDS
from tests.redis.serving import found_in, service
from tests.servers.administrator import Administrator
from tests.servers.monitor import Monitor
from tests.servers.redis_server import RedisServer

SERVICE_FACTS = {"info", "client", "time", "config", "acl"}
"""What is asked in database 0, with the credentials that all share."""
CLAIM_AND_RELEASE = {"multi", "exec", "watch", "unwatch", "set", "get", "hget", "hset", "del", "acl", "client", "time"}
"""What is asked in the database that it gets, with these, before and after its slot's user has."""
ENTERING = {"auth", "select"}


def live(server: RedisServer) -> int:
    """Be a replica, from its start to its end, and return its slot."""
    with service(server, lease_ttl_s=1) as replica:
        slot: int = replica.command.event("slot_claimed")["slot"]
        replica.command.event("ready")
        assert replica.post([144, 120], 300).status_code == 200
        assert found_in(replica.client.get("/values/5")) == {120}
        replica.command.signal(signal.SIGTERM)
        assert replica.command.event("slot_released")["slot"] == slot
        assert replica.command.exit_code() == 0
    return slot


async def watched(server: RedisServer) -> tuple[int, dict[int, set[str]]]:
    """The slot of a replica, and the commands of its whole life by the database in which they were carried out."""
    administrator = Administrator(server)
    async with Monitor(server, administrator) as monitor:
        slot = await asyncio.to_thread(live, server)
    itself = await administrator.address()
    administrator.close()
    asked = defaultdict(set)
    for command in monitor.asked:
        if command.address != itself:
            asked[command.database].add(command.command)
    return slot, asked


def test_it_asks_other_databases_for_nothing(empty_server: RedisServer) -> None:
    """In database 0 for service facts, in its own for what its user may and a claim needs; it enters no other."""
    slot, asked = asyncio.run(watched(empty_server))
    assert asked.keys() == {0, slot}
    if slot != 0:
        assert asked[0] <= SERVICE_FACTS | ENTERING
    assert asked[slot] <= CLAIM_AND_RELEASE | SERVICE_FACTS | set(COMMANDS) | ENTERING
    assert asked[slot] >= {"hset", "zadd", "zrangebyscore"}
