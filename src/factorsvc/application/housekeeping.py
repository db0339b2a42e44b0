"""What the materializer does every second, whether or not anything came: verify, sweep, retire, count (design 6, 8)."""

import asyncio

from factorsvc.application.handover import Handover
from factorsvc.application.sweeper import Sweeper
from factorsvc.application.workspace import Workspace
from factorsvc.domain.applying import Verification, verified
from factorsvc.domain.errors import JournalReplacedError
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.restoration import is_old

_SWEEPS = 10
"""Sweeps in one step at most, so that applying gets its turn."""


class Housekeeping:
    """The periodic steps of the materializer's task."""

    def __init__(self, work: Workspace, sweeper: Sweeper, handover: Handover) -> None:
        """Keep house for the views in the storage of `work`."""
        self._storage = work.storage
        self._journal = work.journal
        self._clock = work.clock
        self._custody = work.custody
        self._facts = work.facts
        self._policy = work.policy
        self._sweeper = sweeper
        self._handover = handover
        self._recheck_at = 0.0
        self.due_at = 0.0
        """Monotonic instant from which the next step is due."""

    async def step(self) -> None:
        """Do what is due, if it is.

        Raises:
            JournalReplacedError: the journal is another one, or has other settings, than when the view was opened.
        """
        now = asyncio.get_running_loop().time()
        if now < self.due_at:
            return
        self.due_at = now + self._policy.tick_s
        self._handover.step(now)
        await self._learn_ends()
        if now >= self._recheck_at:
            await self._recheck_journal()
            self._recheck_at = now + self._policy.verify_interval_s
        for _ in range(_SWEEPS):
            if not await self._sweeper.sweep():
                break
        else:
            self.due_at = now  # there is more: go on as soon as the other work had its turn
        sizes = await self._storage.sizes(sorted(self._custody.answering))
        self._custody.values = sum(sizes.values())
        await self._store_verifications()  # last, as a full database refuses it, and sweeping is what makes room

    def recheck_journal_soon(self) -> None:
        """Have the next step look whether the journal is still the same: an offset was out of its range."""
        self._recheck_at = self.due_at = 0.0

    async def _learn_ends(self) -> None:
        """Take a new verification of every class, and reject the views that have not been verified for too long."""
        taken_ms = self._clock.now_ms()
        for class_id in range(self._custody.classes):
            position = self._custody[class_id].position
            if position is not None and is_old(position.verified_at_ms, taken_ms, self._facts.retention_ms):
                self._custody.reject(class_id)
        ends = await self._journal.end_offsets()
        self._custody.verifications = {class_id: Verification(taken_ms, end) for class_id, end in ends.items()}

    async def _recheck_journal(self) -> None:
        if await self._journal.open() != self._facts:
            raise JournalReplacedError("the journal is not what it was when the views were opened")

    async def _store_verifications(self) -> None:
        """Store the time of verification of the views that are at their end, where the stored one has become old.

        While the database is full it is tried at each step: that it succeeds is how an idle replica learns of room.
        """
        custody = self._custody
        limit_ms = self._clock.now_ms() - int(self._policy.verify_interval_s * 1000)
        stale = [
            class_id
            for class_id in custody.load_ids
            if class_id not in custody.doubtful
            and (position := custody[class_id].position) is not None
            and (custody.full or position.verified_at_ms < limit_ms)
            and verified(position, custody.verifications[class_id]) != position
        ]
        if not stale:
            return
        snapshot = await self._storage.look(stale)
        fresh = {
            class_id: verified(position, custody.verifications[class_id])
            for class_id, position in snapshot.positions.items()
            if custody.load_ids.get(class_id) == position.load_id
        }
        custody.doubt([class_id for class_id in stale if class_id not in fresh])
        if fresh:
            await self._storage.commit(snapshot, Change(positions=fresh))
            custody.store(fresh)
            custody.set_full(False)
