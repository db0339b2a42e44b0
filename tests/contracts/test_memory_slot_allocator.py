"""The slots in memory keep the contracts."""

import pytest

from tests.contracts.memory_slots_server import MemorySlotsServer
from tests.contracts.slot_allocator_contract import SlotAllocatorContract
from tests.contracts.slot_doubt_contract import SlotDoubtContract


@pytest.fixture
async def server() -> MemorySlotsServer:
    return MemorySlotsServer()


class TestMemorySlotAllocator(SlotAllocatorContract):
    """Processes that come and go."""


class TestMemorySlotAllocatorInDoubt(SlotDoubtContract):
    """Lost requests and answers."""
