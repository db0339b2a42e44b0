"""A real server of each kind, empty, for what the contracts do not say of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.servers.administrator import Administrator
from tests.servers.redis_server import RedisServer


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[RedisSlotsServer]:
    server = RedisSlotsServer(redis_server)
    await server.open()
    yield server
    await server.close()


@pytest.fixture
async def aged(server: RedisSlotsServer) -> RedisSlotsServer:
    """One that has been up for longer than a lease lasts: who is not connected now is dead."""
    await server.open(aged=True)
    return server


@pytest.fixture
async def administrator(redis_server: RedisServer) -> AsyncIterator[Administrator]:
    administrator = Administrator(redis_server)
    await administrator.begin_anew()
    yield administrator
    await administrator.begin_anew()
    administrator.close()


@pytest.fixture
def empty_server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """One for processes to work at; it runs again afterwards, whatever they or their test have done."""
    asyncio.run(_begin_anew(redis_server))
    yield redis_server
    if not redis_server.is_up:
        redis_server.start()
    asyncio.run(_begin_anew(redis_server))


async def _begin_anew(redis_server: RedisServer) -> None:
    administrator = Administrator(redis_server)
    await administrator.begin_anew()
    administrator.close()
