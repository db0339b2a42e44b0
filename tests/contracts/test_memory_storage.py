"""The storage in memory keeps the contracts."""

import pytest

from tests.contracts.memory_slots_server import MemorySlotsServer
from tests.contracts.slots_server import SlotsServer
from tests.contracts.storage_contract import StorageContract
from tests.contracts.storage_doubt_contract import StorageDoubtContract
from tests.contracts.storage_end_contract import StorageEndContract
from tests.contracts.storage_machine import StorageMachine
from tests.contracts.storage_reading_contract import StorageReadingContract


@pytest.fixture
async def server() -> MemorySlotsServer:
    return MemorySlotsServer()


class TestMemoryStorage(StorageContract):
    """Writes while nothing fails."""


class TestMemoryStorageReading(StorageReadingContract):
    """Reads."""


class TestMemoryStorageInDoubt(StorageDoubtContract):
    """Lost requests and answers."""


class TestMemoryStorageAtItsEnd(StorageEndContract):
    """Fences."""


class MemoryStorageMachine(StorageMachine):
    """Any sequence."""

    def make_server(self) -> SlotsServer:
        return MemorySlotsServer()


TestMemoryStorageMachine = MemoryStorageMachine.TestCase
