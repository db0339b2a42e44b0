"""The life of a replica: claim a slot, serve, lose it and claim again, stand by, drain. What an entrypoint talks to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from factorsvc.application.answer import Answer
from factorsvc.application.service import Service
from factorsvc.application.signal import Signal
from factorsvc.application.tenure import Tenure
from factorsvc.application.workspace import Surroundings
from factorsvc.domain.errors import (
    JournalReplacedError,
    NotReadyError,
    RemovalUnknownError,
    SlotLostError,
    StorageUnavailableError,
)
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim
from factorsvc.domain.status import LEAVING, Readiness, Status
from factorsvc.domain.value import FactoredValue

_STANDBY_RETRY_S = 0.5
_RELEASE_S = 2.0


class Replica:
    """One replica of the service. `run` is its life; the other methods may be called at any time of it."""

    def __init__(self, slots: SlotAllocator, around: Surroundings) -> None:
        """Make a replica that has not begun to live."""
        self._slots = slots
        self._around = around
        self._changed = Signal()
        self._draining = asyncio.Event()
        self._tenure: Tenure | None = None
        self._waits_for = "claiming a slot"

    async def run(self) -> None:
        """Live until drained. Anything unexpected ends the life, loudly; a lost slot only ends the claim.

        Raises:
            FactorsvcError and others, in an ExceptionGroup: the replica cannot go on.
        """
        while (claim := await self._claim()) is not None:
            tenure = self._tenure = Tenure(claim, self._around, self._changed)
            self._changed.fire()
            drained = False
            try:
                await tenure.run()
                drained, self._waits_for = True, "ended"
            except* (SlotLostError, RemovalUnknownError, JournalReplacedError):
                self._waits_for = "claiming a slot again"
            finally:
                self._tenure = None
                self._changed.fire()
                await self._give_up(claim, release=drained)
            _heed_cancellation()

    async def drain(self, stop_taking: Callable[[], Awaitable[None]]) -> None:
        """End the life without failing a request; `run` returns soon after. See `Tenure.drain` for `stop_taking`."""
        self._draining.set()
        self._changed.fire()
        tenure = self._tenure
        if tenure is None:
            await stop_taking()
        else:
            await tenure.drain(stop_taking)

    async def store(self, numbers: Sequence[int], ttl_s: int | None) -> list[FactoredValue]:
        """Store values: see `StoreValues.store`. NotReadyError also while no slot is surely held."""
        _, service = self._serving()
        return await service.store.store(numbers, ttl_s)

    async def find(self, prime: int) -> Answer:
        """Find values: see `FindValues.find`. NotReadyError also while no slot is surely held."""
        tenure, service = self._serving()
        answer = await service.find.find(prime)
        if not tenure.is_sure:
            raise NotReadyError("the lease is not sure")
        return answer

    def readiness(self) -> Readiness:
        """Tell whether requests should be sent here."""
        tenure = self._tenure
        leaving = LEAVING if self._draining.is_set() else ""
        if tenure is None:
            return Readiness(False, leaving or self._waits_for, None, None, 0)
        reason = leaving or tenure.reason_not_ready()
        classes = 0 if tenure.service is None else len(tenure.service.work.custody.answering)
        return Readiness(not reason, reason, tenure.claim.slot, tenure.claim.epoch, classes)

    def cluster(self) -> Sequence[Status]:
        """The replicas as this one knows them, by slot; none while it holds no slot."""
        service = None if self._tenure is None else self._tenure.service
        return () if service is None else service.work.map.statuses

    async def changed(self) -> None:
        """Return when what `readiness` and `cluster` say may have changed."""
        await self._changed.wait()

    def _serving(self) -> tuple[Tenure, Service]:
        """What serves requests now. A replica that is leaving still does."""
        tenure = self._tenure
        if tenure is None:
            raise NotReadyError(self._waits_for)
        if tenure.service is None or not tenure.is_sure:
            raise NotReadyError(tenure.reason_not_ready())
        return tenure, tenure.service

    async def _claim(self) -> SlotClaim | None:
        """Claim a slot, standing by as long as all are taken; None once the replica is to end."""
        loop = asyncio.get_running_loop()
        while not self._draining.is_set():
            try:
                claim = await self._slots.claim()
            except StorageUnavailableError:
                self._waits_for = "the database does not answer"
            else:
                if claim is not None and not self._draining.is_set():
                    return claim
                if claim is not None:
                    await self._give_up(claim, release=True)
                self._waits_for = "standing by: all slots are taken"
            self._changed.fire()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(loop.time() + _STANDBY_RETRY_S):
                    await self._draining.wait()
        return None

    async def _give_up(self, claim: SlotClaim, *, release: bool) -> None:
        """Release the slot, or, when it is lost or wanted back, only close this side; neither may take long."""
        try:
            async with asyncio.timeout(_RELEASE_S):
                if release:
                    await claim.release()
        except (StorageUnavailableError, TimeoutError):
            pass  # the lease ends by itself
        finally:
            await claim.close()


def _heed_cancellation() -> None:
    """Raise the cancellation that a TaskGroup forgets, before Python 3.13, when one of its tasks fails with it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
