"""What every `SlotAllocator` promises when requests and answers get lost. A binding gives the fixture `server`."""

import asyncio
from contextlib import suppress
from itertools import count

import pytest

from factorsvc.domain.errors import SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.slot import SLOTS
from tests.contracts.slot_allocator_contract import all_taken, works
from tests.contracts.slots_server import LOSSES, Process, SlotsServer, Trouble, interrupted


async def claimed(process: Process) -> SlotClaim | None:
    """Claim; None also when there is no answer."""
    with suppress(StorageUnavailableError):
        return await process.slots.claim()
    return None


every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name.lower())


class SlotDoubtContract:
    """Processes whose connections fail."""

    @pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.REQUEST_LOST], ids=["refused", "silent"])
    async def test_no_server_no_answer(self, server: SlotsServer, trouble: Trouble) -> None:
        """`claim`, `renew`, `release` raise `StorageUnavailableError`; the claim goes on when the server is back."""
        claim = await server.process().holds()
        newcomer = server.process()
        server.trouble(trouble, lasting=True)
        for call in (newcomer.slots.claim, claim.renew, claim.release):
            with pytest.raises(StorageUnavailableError):
                await call()
        await server.heal()
        assert await works(claim)

    @every_loss
    async def test_a_claim_can_be_lost_anywhere(self, server: SlotsServer, loss: Trouble) -> None:
        """What was begun strands no lease: the same process takes it up again, and 15 others find a slot.

        And what of it is late, over a connection given up, does not end the claim that came of the next try.
        """
        for passed in count():
            process, others = server.process(), [server.process() for _ in range(SLOTS - 1)]
            met = await interrupted(server, loss, process.slots.claim(), passed)
            claims = [await each.holds() for each in (process, *others)]
            assert len({claim.slot for claim in claims}) == SLOTS
            await server.heal()
            assert all([await works(claim) for claim in claims])
            for claim in claims:
                await claim.release()
            if not met:
                break

    @every_loss
    async def test_a_release_can_be_lost_anywhere(self, server: SlotsServer, loss: Trouble) -> None:
        """It ends the claim or not, and what of it is late does not end a later claim of the same process."""
        process = server.process()
        for passed in count():
            claim = await process.holds()
            met = await interrupted(server, loss, claim.release(), passed)
            again = await process.holds()
            assert again.slot == claim.slot
            await server.heal()
            assert await works(again)
            if not met:
                break

    @every_loss
    async def test_a_lost_renewal_may_be_repeated(self, server: SlotsServer, loss: Trouble) -> None:
        """`StorageUnavailableError`: try again as long as the lease is sure."""
        claim = await server.process().holds()
        assert await interrupted(server, loss, claim.renew())
        await claim.renew()
        await server.heal()
        assert await works(claim)

    async def test_who_sleeps_while_claiming_a_dead_slot_pushes_nobody_out(self, server: SlotsServer) -> None:
        """P2: frozen after any of its steps it may find, on waking, not the dead lease but that of one who lives."""
        taken = await all_taken(server)
        killed, _ = taken[11]
        for passed in count():
            await server.kill(killed)
            sleeper, other = server.process(), server.process()
            server.trouble(Trouble.STALLED, passed)
            async with asyncio.TaskGroup() as group:
                sleeping = group.create_task(sleeper.slots.claim())
                meeting = group.create_task(server.met())
                await asyncio.wait([sleeping, meeting], return_when=asyncio.FIRST_COMPLETED)
                meeting.cancel()
                met, awake = server.calm(), await other.slots.claim()
                await server.heal()
            (claim,) = [each for each in (sleeping.result(), awake) if each is not None]
            assert await works(claim)
            if not met:
                break
            killed = sleeper if awake is None else other

    @pytest.mark.parametrize("trouble", [Trouble.STALLED, Trouble.HELD_UP], ids=["answer late", "request late"])
    async def test_who_sleeps_past_its_lease_while_claiming_pushes_nobody_out(
        self, server: SlotsServer, trouble: Trouble
    ) -> None:
        """P2: wherever it was frozen, and whether or not what it had sent is late, its successor does not notice."""
        taken = await all_taken(server)
        claim = taken[6][1]
        for passed in count():
            await claim.release()
            sleeper, successor = server.process(), server.process()
            server.trouble(trouble, passed)
            async with asyncio.TaskGroup() as group:
                sleeping = group.create_task(claimed(sleeper))
                meeting = group.create_task(server.met())
                await asyncio.wait([sleeping, meeting], return_when=asyncio.FIRST_COMPLETED)
                meeting.cancel()
                met = server.calm()
                await server.lapse(6)
                claim = await successor.holds()
                await server.heal()
            awake = sleeping.result()
            if awake is not None:
                with pytest.raises(SlotLostError):
                    await awake.renew()
            assert await works(claim)
            assert await sleeper.slots.claim() is None
            if not met:
                break
