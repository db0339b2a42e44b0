"""The storage on real servers keeps the contracts also where nothing but the lease confines who writes it (ADR 6)."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from factorsvc.adapters.redis.confinement import SharedUser
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.storage_contract import StorageContract
from tests.contracts.storage_doubt_contract import StorageDoubtContract
from tests.contracts.storage_end_contract import StorageEndContract
from tests.contracts.storage_machine import StorageMachine
from tests.contracts.storage_reading_contract import StorageReadingContract
from tests.contracts.test_redis_storage import RedisStorageMachine
from tests.contracts.without_users import expect_otherwise, refuses_transactions_when_full
from tests.servers.administrator import SHARED
from tests.servers.redis_server import RedisServer

LEASE_TTL_S = 300.0
"""No test of a storage renews its lease, however slow the machine is."""


@pytest.fixture
async def server(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[RedisSlotsServer]:
    await expect_otherwise(request, redis_server)
    server = RedisSlotsServer(redis_server, SharedUser(SHARED), LEASE_TTL_S)
    await server.open()
    yield server
    await server.close()


class TestStorageWithoutUsers(StorageContract):
    """Writes while nothing fails."""


class TestStorageWithoutUsersReading(StorageReadingContract):
    """Reads."""


class TestStorageWithoutUsersInDoubt(StorageDoubtContract):
    """Lost requests and answers."""


class TestStorageWithoutUsersAtItsEnd(StorageEndContract):
    """Ends of a claim."""


class StorageMachineWithoutUsers(RedisStorageMachine):
    """Any sequence, of which what `tests.contracts.without_users` names is otherwise."""

    forgetting_ends_looks = True

    async def started(self) -> None:
        self.can_be_full = not await refuses_transactions_when_full(self.real)
        self._slots_server = RedisSlotsServer(self.real, SharedUser(SHARED), LEASE_TTL_S)
        await self._slots_server.open()
        await StorageMachine.started(self)

    @rule()
    def wipe(self) -> None:
        """The lease is gone too, so the slot must be claimed again before anything else."""
        super().wipe()
        self.claim_again()

    @rule()
    def fill(self) -> None:
        if self.can_be_full:
            super().fill()


@pytest.mark.timeout(300)  # some ten thousand round trips
def test_any_sequence(redis_server: RedisServer) -> None:
    """Whatever comes, in whatever order, a real server holds what the one in memory would."""

    class Machine(StorageMachineWithoutUsers):
        real = redis_server

    a_fifth = settings(max_examples=settings().max_examples // 5)
    run_state_machine_as_test(Machine, settings=a_fifth)
