"""How many connections a replica's readings take."""

import asyncio

from factorsvc.adapters.redis.connection import Server
from factorsvc.adapters.redis.connections import LENT_AT_ONCE, SlotConnections
from tests.contracts.server import PATIENCE_S, until, within
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer


async def test_readings_share_a_bounded_number_of_connections(
    redis_server: RedisServer, administrator: Administrator
) -> None:
    """However many are under way: a server lets in so many clients only, which are for all replicas (`maxclients`)."""
    connections = SlotConnections(Server(HOST, redis_server.port, timeout_s=PATIENCE_S), SHARED, 3)
    let_go, under_way = asyncio.Event(), []

    async def read(number: int) -> None:
        async with connections.lent() as connection:
            await connection.ask(("TIME",))
            under_way.append(number)
            await let_go.wait()

    async def all_are_lent() -> bool:
        return len(under_way) == LENT_AT_ONCE

    async with asyncio.TaskGroup() as group:
        for number in range(3 * LENT_AT_ONCE):
            group.create_task(within(read(number)))
        await until(all_are_lent)
        assert await administrator.connections() == LENT_AT_ONCE + 1
        let_go.set()
    connections.close()
    assert sorted(under_way) == list(range(3 * LENT_AT_ONCE))
