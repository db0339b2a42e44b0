"""One claim of a slot, from when it is made until it is lost or given back (design 5).

When the claim is lost, everything here ends with it and nothing of it is used again; the replica claims anew and begins
another tenure. So no answer and no write can come from a database that is no longer this replica's (P2).
"""

import asyncio
from collections.abc import Awaitable, Callable

from factorsvc.application.class_custody import ClassCustody
from factorsvc.application.service import Service
from factorsvc.application.signal import Signal
from factorsvc.application.workspace import Surroundings, Workspace
from factorsvc.domain.cluster_map import ClusterMap
from factorsvc.domain.errors import JournalUnavailableError, SlotLostError, StorageFullError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotClaim


class Tenure:
    """A replica's time in one slot: the lease is kept, and what is served rests on it."""

    def __init__(self, claim: SlotClaim, around: Surroundings, changed: Signal) -> None:
        """Begin under `claim`; `changed` is fired when what can be seen from outside has changed."""
        self.claim = claim
        self.service: Service | None = None
        """None until it is known what the journal and the database hold."""
        self._around = around
        self._changed = changed
        self._is_draining = False
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve until `drain` has ended.

        Raises, in an ExceptionGroup:
            SlotLostError: the claim is over.
            RemovalUnknownError: the slot must be claimed again before anything is written.
            JournalReplacedError: the journal is another one now, so is every view.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._renew(), name="lease-renewal"),
                    group.create_task(self._serve(), name="service"),
                ]
                await self._over.wait()
                for task in tasks:
                    task.cancel()
        finally:
            self._over.set()
            self._changed.fire()

    async def drain(self, stop_taking: Callable[[], Awaitable[None]]) -> None:
        """Leave without failing a request, then end `run`: classes are handed over while requests are answered (P7).

        `stop_taking` is awaited once load balancers have had time to look elsewhere; it returns when no more requests
        will come and those under way are answered. A claim that is lost meanwhile has nothing to hand over.
        """
        self._is_draining = True
        loop = asyncio.get_running_loop()
        latest = loop.time() + self._around.policy.drain_deadline_s
        service = self.service
        if service is not None:
            await service.leave()
            await asyncio.sleep(self._around.policy.drain_delay_s)
        await stop_taking()
        if service is not None:
            await self._hand_over(service, latest)
        self._over.set()

    @property
    def is_sure(self) -> bool:
        """Tell whether no other replica can hold the slot."""
        return self.claim.lease.is_sure(asyncio.get_running_loop().time())

    def reason_not_ready(self) -> str:
        """Say why no requests should be sent here; empty if they should."""
        if self.service is None:
            return "starting"
        return self.service.reason_not_ready() if self.is_sure else "the lease is not sure"

    async def _hand_over(self, service: Service, latest: float) -> None:
        """Wait until others have served all that `service` does for a moment, or `latest`.

        In that moment who asked here by yesterday's map gets an answer, or hears that it is to ask elsewhere. From a
        replica that had ended it would hear nothing, and lose a second.
        """
        loop, end = asyncio.get_running_loop(), latest
        while loop.time() < end and not service.is_alone and not self._over.is_set():
            if not service.is_succeeded:
                end = latest
            elif end == latest:
                end = min(latest, loop.time() + self._around.policy.handover_grace_s)
            await self._changed.wait_until(end)

    async def _renew(self) -> None:
        """Renew the lease three times in its ttl, and give the slot up when the lease is no longer sure."""
        loop, lease = asyncio.get_running_loop(), self.claim.lease
        next_at = loop.time() + lease.ttl_s / 3
        while True:
            await asyncio.sleep(next_at - loop.time())
            try:
                async with asyncio.timeout_at(lease.sure_until):
                    await self.claim.renew()
                next_at = loop.time() + lease.ttl_s / 3
            except (StorageUnavailableError, TimeoutError):
                next_at = loop.time() + self._around.policy.retry_s
            if not lease.is_sure(loop.time()):
                raise SlotLostError(self.claim.slot)

    async def _serve(self) -> None:
        work = None
        while work is None:
            try:
                work = await self._prepare()
            except (JournalUnavailableError, StorageFullError, StorageUnavailableError):
                await asyncio.sleep(self._around.policy.retry_s)
        if self._is_draining:
            return  # no class is to be placed on a replica that will not stay
        self.service = Service(work)
        self._changed.fire()
        await self.service.run()

    async def _prepare(self) -> Workspace:
        """Learn what must be known before anything is promised to others: the journal, and what the database holds.

        A view of another journal is thrown away here, whole, so that no position of it can be taken for one of ours.
        Values of classes without a position, left by a holder that died while it dropped or loaded them, are garbage.
        """
        bus, storage, policy = self._around.bus, self.claim.storage, self._around.policy
        bus.journal.stop_reading(range(policy.classes))  # what the last tenure still read
        facts = await bus.journal.open()
        snapshot = await storage.look(range(policy.classes))
        ours = snapshot.journal_id == facts.journal_id
        if not ours:
            await storage.forget(range(policy.classes))
        found = frozenset(snapshot.positions if ours else ())
        sizes = await storage.sizes(range(policy.classes))
        custody = ClassCustody(self.claim.slot, policy.classes, found)
        custody.garbage |= {class_id for class_id, values in sizes.items() if values} - found
        await bus.mailbox.open(self.claim.slot)
        return Workspace(
            around=self._around,
            claim=self.claim,
            facts=facts,
            custody=custody,
            map=ClusterMap(policy.classes),
            changed=self._changed,
        )
