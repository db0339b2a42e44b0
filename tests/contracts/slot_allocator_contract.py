"""What every `SlotAllocator` promises. A binding gives the fixture `server`."""

import asyncio
from itertools import count

import pytest

from factorsvc.domain.errors import NotReadyError, SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.slot import SLOTS
from tests.builders import a_present
from tests.contracts.slots_server import (
    Process,
    SlotsServer,
    Trouble,
    held_by,
    interrupted,
    store,
    whole,
)


async def all_taken(server: SlotsServer) -> dict[int, tuple[Process, SlotClaim]]:
    """Claim every slot, each by a process of its own."""
    taken = {}
    for _ in range(SLOTS):
        process = server.process()
        claim = await process.holds()
        taken[claim.slot] = process, claim
    return taken


async def works(claim: SlotClaim) -> bool:
    """Tell whether the claim is a live one: it can be renewed, and its database written and read."""
    try:
        await claim.renew()
        await store(claim.storage, a_present(6))
        await claim.storage.sizes([1])
    except SlotLostError:
        return False
    return True


class SlotAllocatorContract:
    """Processes that come and go at one server."""

    async def test_a_claim_is_good_at_once(self, server: SlotsServer) -> None:
        """A slot, an epoch, a lease that is sure, cluster time, and a storage that works."""
        process = server.process()
        with pytest.raises(NotReadyError):
            process.clock.now_ms()
        before = asyncio.get_running_loop().time()
        claim = await process.holds()
        assert claim.slot in range(SLOTS)
        assert claim.epoch > 0
        assert claim.lease.is_sure(asyncio.get_running_loop().time())
        assert before + claim.lease.ttl_s <= claim.lease.sure_until
        assert claim.lease.sure_until <= asyncio.get_running_loop().time() + claim.lease.ttl_s
        assert process.clock.now_ms() > 0
        assert await works(claim)

    async def test_every_slot_is_given_once(self, server: SlotsServer) -> None:
        """P2: 16 processes hold 16 slots; the next ones get none, until one is given back."""
        taken = await all_taken(server)
        assert len(taken) == SLOTS
        standby = server.process()
        assert await standby.slots.claim() is None
        await taken[5][1].release()
        assert (await standby.holds()).slot == 5
        assert [await works(claim) for slot, (_, claim) in taken.items() if slot != 5] == [True] * 15

    async def test_claimers_at_once_get_different_slots(self, server: SlotsServer) -> None:
        """P2: whoever loses a race takes another slot, and nobody who was given one loses it again."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(server.process().slots.claim()) for _ in range(SLOTS)]
        claims = [task.result() for task in tasks]
        held = [claim for claim in claims if claim is not None]
        assert len({claim.slot for claim in held}) == len(held) > 0
        assert all([await works(claim) for claim in held])

    async def test_a_process_claims_its_own_slot_again(self, server: SlotsServer) -> None:
        """With one's own token: the same slot, the same epoch, and the former connections are cut."""
        taken = await all_taken(server)
        process, former = taken[3]
        claim = await process.holds()
        assert (claim.slot, claim.epoch) == (former.slot, former.epoch)
        assert not await works(former)
        assert await works(claim)

    async def test_a_restarted_server_gives_each_holder_its_slot_again(self, server: SlotsServer) -> None:
        """The users are gone, the leases are not: each holder comes back to its own, with its view and epoch."""
        taken = await all_taken(server)
        present = a_present(12)
        await store(taken[7][1].storage, present)
        await server.restart()
        for slot, (process, former) in taken.items():
            with pytest.raises(SlotLostError):
                await former.renew()
            claim = await process.holds()
            assert (claim.slot, claim.epoch) == (slot, former.epoch)
            assert (await claim.storage.look([], [12])).presents == ({12: present} if slot == 7 else {})

    async def test_an_expired_lease_is_lost_for_ever(self, server: SlotsServer) -> None:
        """`renew` after the lease has run out: lost, although nobody else has taken it, and with it the storage."""
        claim = await server.process().holds()
        await server.lapse(claim.slot)
        for _ in range(2):
            with pytest.raises(SlotLostError):
                await claim.renew()
            with pytest.raises(SlotLostError):
                await claim.storage.look([])

    async def test_a_wiped_lease_is_lost(self, server: SlotsServer) -> None:
        """FLUSHALL takes leases and leaves connections: the next renewal finds it, and all is claimed anew."""
        process = server.process()
        former = await process.holds()
        await server.wipe()
        with pytest.raises(SlotLostError):
            await former.renew()
        assert await works(await process.holds())

    async def test_a_successor_shuts_the_predecessor_out(self, server: SlotsServer) -> None:
        """P2: who slept through the end of its lease can neither renew, nor read, nor write, and cannot release."""
        taken = await all_taken(server)
        process, former = taken[9]
        present = a_present(12)
        await store(former.storage, present)
        await server.lapse(9)
        claim = await server.process().holds()
        assert claim.slot == 9
        assert claim.epoch > former.epoch
        with pytest.raises(SlotLostError):
            await former.storage.look([])
        with pytest.raises(SlotLostError):
            await former.renew()
        await former.release()
        await former.close()
        assert await process.slots.claim() is None
        assert await works(claim)
        assert (await claim.storage.look([], [12])).presents == {12: present}, "the view goes over with the slot"

    async def test_epochs_of_a_slot_only_grow(self, server: SlotsServer) -> None:
        """Each claim of a slot has a larger epoch than all before it, however soon it follows."""
        taken = await all_taken(server)
        epochs = [taken[2][1].epoch]
        claim = taken[2][1]
        for _ in range(5):
            await claim.release()
            claim = await server.process().holds()
            epochs.append(claim.epoch)
        assert epochs == sorted(set(epochs))

    async def test_release_ends_the_claim(self, server: SlotsServer) -> None:
        """The slot is free, every connection of the claim is cut, and to release again does nothing."""
        process = server.process()
        claim = await process.holds()
        await claim.release()
        assert not await works(claim)
        await claim.release()
        successor = await process.holds()
        await claim.release()
        assert await works(successor), "a former claim of the same process gives nothing back"

    async def test_close_leaves_the_lease(self, server: SlotsServer) -> None:
        """`close` says nothing to the server, may be repeated, and the process can claim its slot again."""
        taken = await all_taken(server)
        process, claim = taken[4]
        await claim.close()
        await claim.close()
        with pytest.raises(SlotLostError):
            await claim.renew()
        again = await process.holds()
        assert (again.slot, again.epoch) == (4, claim.epoch)

    async def test_a_killed_process_s_slot_is_taken_before_its_lease_ends(self, server: SlotsServer) -> None:
        """No connection in two looks: it was killed. A holder that only says nothing is left alone."""
        taken = await all_taken(server)
        process, killed = taken[11]
        standby = server.process()
        assert await standby.slots.claim() is None
        await server.kill(process)
        claim = await standby.holds()
        assert claim.slot == 11
        assert claim.epoch > killed.epoch
        assert await works(claim)

    async def test_nobody_counts_as_killed_right_after_a_restart(self, server: SlotsServer) -> None:
        """Within one lease of the server's start nobody is connected yet: to be without connection means nothing."""
        taken = await all_taken(server)
        await server.restart()
        assert await server.process().slots.claim() is None
        assert (await taken[1][0].holds()).slot == 1

    async def test_a_claimer_counts_as_alive(self, server: SlotsServer) -> None:
        """Between its lease and its first connection as the slot's user, its shared connection shows that it lives."""
        taken = await all_taken(server)
        process, former = taken[0]
        await former.release()
        for passed in count():
            server.trouble(Trouble.STALLED, passed)
            async with asyncio.TaskGroup() as group:
                task = group.create_task(process.slots.claim())
                meeting = group.create_task(server.met())
                await asyncio.wait([task, meeting], return_when=asyncio.FIRST_COMPLETED)
                meeting.cancel()
                met, leased = server.calm(), await server.leased(0)
                other = await server.process().slots.claim()
                await server.heal()
            assert (other is None) == leased
            claim = other or task.result()
            assert claim is not None
            assert await works(claim)
            if not met:
                break
            await claim.release()

    async def test_a_free_slot_with_a_view_comes_first(self, server: SlotsServer) -> None:
        """It saves its holder most of the restoring."""
        claim = await server.process().holds()
        await store(claim.storage, a_present(6))
        for _ in range(5):
            await claim.release()
            successor = await server.process().holds()
            assert successor.slot == claim.slot
            claim = successor

    async def test_a_dead_slot_comes_before_an_empty_one(self, server: SlotsServer) -> None:
        """A restarted process has its slot back, rather than that of nobody."""
        process = server.process()
        slot = (await process.holds()).slot
        for _ in range(5):
            await server.kill(process)
            process = server.process()
            assert (await process.holds()).slot == slot

    async def test_a_slot_that_was_tried_in_vain_is_left(self, server: SlotsServer) -> None:
        """A claimer that stayed in its former slot would make whoever died there look alive."""
        taken = await all_taken(server)
        former, _ = taken[5]
        await server.lapse(5)
        killed = server.process()
        assert (await killed.holds()).slot == 5
        await server.kill(killed)
        assert (await former.holds()).slot == 5

    async def test_slots_are_tried_at_random(self, server: SlotsServer) -> None:
        """Lowest-first doubles the races that are lost."""
        order = list(await all_taken(server))
        assert order != sorted(order)

    async def test_a_full_server_renews_and_gives_no_slot(self, server: SlotsServer) -> None:
        """Renewals work, or every replica would lose its slot; a claim would write, so it must wait."""
        claim = await server.process().holds()
        await server.fill()
        await claim.renew()
        newcomer = server.process()
        with pytest.raises(StorageUnavailableError):
            await newcomer.slots.claim()
        await server.make_room()
        assert await works(await newcomer.holds())

    async def test_a_renewal_extends_the_lease_from_its_sending(self, server: SlotsServer) -> None:
        """Only one that was answered does, and never back."""
        claim = await server.process().holds()
        before = asyncio.get_running_loop().time()
        await claim.renew()
        assert claim.lease.sure_until >= before + claim.lease.ttl_s
        sure_until = claim.lease.sure_until
        assert await interrupted(server, Trouble.ANSWER_LOST, claim.renew())
        assert claim.lease.sure_until == sure_until

    async def test_the_view_of_a_claim_is_its_slot_s_alone(self, server: SlotsServer) -> None:
        """P1: what is written with one claim is in no other slot."""
        taken = await all_taken(server)
        presents = {slot: a_present(slot + 1) for slot in taken}
        for slot, (_, claim) in taken.items():
            await store(claim.storage, presents[slot], positions={})
        for slot, (_, claim) in taken.items():
            assert await held_by(claim.storage, range(1, SLOTS + 1)) == whole([presents[slot]])
