"""The storage on real servers keeps the contracts."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.slots_server import SlotsServer
from tests.contracts.storage_contract import StorageContract
from tests.contracts.storage_doubt_contract import StorageDoubtContract
from tests.contracts.storage_end_contract import StorageEndContract
from tests.contracts.storage_machine import StorageMachine
from tests.contracts.storage_reading_contract import StorageReadingContract
from tests.servers.redis_server import RedisServer


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[RedisSlotsServer]:
    server = RedisSlotsServer(redis_server)
    await server.open()
    yield server
    await server.close()


class TestRedisStorage(StorageContract):
    """Writes while nothing fails."""


class TestRedisStorageReading(StorageReadingContract):
    """Reads."""


class TestRedisStorageInDoubt(StorageDoubtContract):
    """Lost requests and answers."""


class TestRedisStorageAtItsEnd(StorageEndContract):
    """Fences."""


class RedisStorageMachine(StorageMachine):
    """Any sequence, on a server that is emptied before each."""

    real: RedisServer

    def make_server(self) -> SlotsServer:
        return self._slots_server

    async def started(self) -> None:
        self._slots_server = RedisSlotsServer(self.real)
        await self._slots_server.open()
        await super().started()

    def teardown(self) -> None:
        try:
            self.shows_all()
        finally:
            self.run(self._slots_server.close())
            self.runner.close()


@pytest.mark.timeout(300)  # some ten thousand round trips
def test_any_sequence(redis_server: RedisServer) -> None:
    """Whatever comes, in whatever order, a real server holds what the one in memory would."""

    class Machine(RedisStorageMachine):
        real = redis_server

    a_fifth = settings(max_examples=settings().max_examples // 5)
    run_state_machine_as_test(Machine, settings=a_fifth)
