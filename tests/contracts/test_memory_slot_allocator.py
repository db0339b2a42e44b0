"""The slots in memory keep the contract, and some that only a server in memory can be asked for."""

import pytest

from tests.contracts.memory_slots_server import MemorySlotsServer
from tests.contracts.slot_allocator_contract import SlotAllocatorContract


@pytest.fixture
async def server() -> MemorySlotsServer:
    return MemorySlotsServer()


class TestMemorySlotAllocator(SlotAllocatorContract):
    """The contract."""
