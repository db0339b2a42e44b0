"""What every `Storage` promises once its claim is over (P2). A binding gives the fixture `server`."""

import asyncio
from contextlib import suppress
from itertools import count

import pytest

from factorsvc.domain.errors import SlotLostError, StorageFullError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Snapshot, Storage
from tests.contracts.slots_server import Process, SlotsServer, Trouble, held_by, interrupted, store
from tests.contracts.storage_doubt_contract import (
    OLD,
    OTHER,
    UNCHANGED,
    VALUES,
    Operation,
    every_method,
    every_write,
    with_and_without_room,
)


class StorageEndContract:
    """A slot with the values 6, which has expired, in class 1, and 12 in class 2; and an end to its claim."""

    @pytest.fixture
    def process(self, server: SlotsServer) -> Process:
        return server.process()

    @pytest.fixture
    async def claim(self, process: Process) -> SlotClaim:
        claim = await process.holds()
        await store(claim.storage, OLD, OTHER)
        return claim

    @every_method
    @pytest.mark.parametrize("end", ["re-claim", "restart", "release", "close"])
    async def test_nothing_works_once_the_claim_is_over(
        self, server: SlotsServer, process: Process, claim: SlotClaim, operation: Operation, end: str
    ) -> None:
        """Fenced, restarted, released or closed: every method raises `SlotLostError`, ever after, without effect."""
        snapshot = await claim.storage.look([1], [6])
        match end:
            case "re-claim":
                await process.holds()
            case "restart":
                await server.restart()
            case "release":
                await claim.release()
            case _:
                await claim.close()
        for _ in range(2):
            with pytest.raises(SlotLostError):
                await operation(claim.storage, snapshot)
        again = await process.holds()
        assert again.slot == claim.slot
        assert await held_by(again.storage, VALUES) == UNCHANGED
        with pytest.raises(SlotLostError):
            await operation(claim.storage, snapshot)

    @every_method
    @pytest.mark.parametrize("end", ["re-claim", "close"])
    async def test_the_end_of_a_claim_ends_what_is_under_way(
        self, server: SlotsServer, process: Process, claim: SlotClaim, operation: Operation, end: str
    ) -> None:
        """Who waits for an answer, or for a connection, learns at once that the slot is lost, and does not wait on."""
        snapshot = await claim.storage.look([1], [6])

        async def ends() -> None:
            with pytest.raises(SlotLostError):
                await operation(claim.storage, snapshot)

        server.trouble(Trouble.STALLED)
        async with asyncio.TaskGroup() as group:
            group.create_task(ends())
            await server.met()
            if end == "close":
                await claim.close()
            else:
                await process.holds()

    @every_write
    @with_and_without_room
    async def test_a_fence_stops_what_is_late(
        self, server: SlotsServer, process: Process, claim: SlotClaim, operation: Operation, *, is_full: bool
    ) -> None:
        """Whatever step of a write was on its way when the slot was claimed again, it has no effect any more."""

        async def write(storage: Storage, snapshot: Snapshot) -> None:
            with suppress(StorageFullError):
                await operation(storage, snapshot)

        storage = claim.storage
        for passed in count():
            await store(storage, OLD)
            snapshot = await storage.look([1], [6])
            if is_full:
                await server.fill()
            met = await interrupted(server, Trouble.POSTPONED, write(storage, snapshot), passed)
            await server.make_room()
            storage = (await process.holds()).storage
            before = await held_by(storage, VALUES)
            await server.heal()
            assert await held_by(storage, VALUES) == before
            if not met:
                break
