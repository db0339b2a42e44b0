"""The slots of a real server keep the contracts."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.slot_allocator_contract import SlotAllocatorContract
from tests.contracts.slot_doubt_contract import SlotDoubtContract
from tests.servers.redis_server import RedisServer


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[RedisSlotsServer]:
    server = RedisSlotsServer(redis_server)
    await server.open(aged=True)
    yield server
    await server.close()


class TestRedisSlotAllocator(SlotAllocatorContract):
    """Processes that come and go."""


class TestRedisSlotAllocatorInDoubt(SlotDoubtContract):
    """Lost requests and answers."""
