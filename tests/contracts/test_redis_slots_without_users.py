"""The slots of a real server keep the contracts also where nothing but leases confines who holds them (ADR 6)."""

from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.redis.confinement import SharedUser
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.slot_allocator_contract import SlotAllocatorContract
from tests.contracts.slot_doubt_contract import SlotDoubtContract
from tests.contracts.without_users import expect_otherwise
from tests.servers.administrator import SHARED
from tests.servers.redis_server import RedisServer


@pytest.fixture
async def server(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[RedisSlotsServer]:
    await expect_otherwise(request, redis_server)
    server = RedisSlotsServer(redis_server, SharedUser(SHARED))
    await server.open(aged=True)
    yield server
    await server.close()


class TestSlotsWithoutUsers(SlotAllocatorContract):
    """Processes that come and go."""


class TestSlotsWithoutUsersInDoubt(SlotDoubtContract):
    """Lost requests and answers."""
