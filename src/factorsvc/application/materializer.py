"""The one task that writes a replica's view: applying, loading, sweeping and dropping in turn (design 6, rule 3).

It is a loop of turns. A turn takes each kind of work a bounded step further; what goes wrong with a server ends the
turn, puts every class in doubt, and the next turn begins with a look at the stored positions. So there is one way back
from every failure, and it is the way that is taken at each start.
"""

import asyncio

from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.housekeeping import Housekeeping
from factorsvc.application.sweeper import Sweeper
from factorsvc.application.view_opener import ViewOpener
from factorsvc.application.workspace import Workspace
from factorsvc.domain.applying import apply_batches, portions
from factorsvc.domain.errors import (
    JournalUnavailableError,
    OutOfRangeError,
    RemovalUnknownError,
    StorageConflictError,
    StorageFullError,
    StorageUnavailableError,
)
from factorsvc.domain.record import Batch

_PAUSE_GROWTH = 10
"""A pause is doubled up to so many times its first length."""


class Materializer:
    """Keeps the view of the classes in custody up with the journal, until it is cancelled."""

    def __init__(self, work: Workspace, sweeper: Sweeper, housekeeping: Housekeeping) -> None:
        """Write the storage of `work` from its journal."""
        self._storage = work.storage
        self._journal = work.journal
        self._custody = work.custody
        self._policy = work.policy
        self._opener = ViewOpener(work)
        self._loader = ColdLoader(work)
        self._sweeper = sweeper
        self._housekeeping = housekeeping
        self._inbox: asyncio.Queue[list[Batch]] = asyncio.Queue(maxsize=2)
        """Full: the journal is read no further until what was read is applied."""
        self._out_of_range: set[int] = set()
        """Classes whose position is not in the journal: rejected at the next turn, and not while one is written."""

    async def run(self) -> None:
        """Read the journal and write the view, one ahead of the other.

        Raises:
            SlotLostError: the claim is over.
            RemovalUnknownError: a removal may still happen; the claim must be fenced before anything else is written.
            JournalReplacedError: the journal is another one now.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(), name="journal-reader")
            group.create_task(self._write(), name="view-writer")

    async def _read(self) -> None:
        while True:
            try:
                batches = await self._journal.take(self._policy.take_records, self._policy.take_timeout_s)
            except OutOfRangeError as error:
                self._out_of_range.add(error.class_id)
            else:
                if batches:
                    await self._inbox.put(batches)
            self._custody.work.fire()

    async def _write(self) -> None:
        pause = self._policy.retry_s
        while True:
            await self._wait_for_work()
            try:
                await self._turn()
            except RemovalUnknownError:
                raise
            except (StorageUnavailableError, StorageConflictError, StorageFullError, JournalUnavailableError) as error:
                self._custody.set_full(self._custody.full or isinstance(error, StorageFullError))
                self._custody.doubt_all()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSE_GROWTH * self._policy.retry_s)
            else:
                pause = self._policy.retry_s

    async def _wait_for_work(self) -> None:
        loop = asyncio.get_running_loop()
        custody = self._custody
        while not (self._has_read or custody.doubtful or custody.garbage or self._loader.busy):
            if loop.time() >= self._housekeeping.due_at:
                return
            await custody.work.wait_until(self._housekeeping.due_at)

    @property
    def _has_read(self) -> bool:
        return bool(self._out_of_range) or not self._inbox.empty()

    async def _turn(self) -> None:
        """One step of each kind of work; those that free memory come first: a full database stops the others."""
        if self._out_of_range:
            self._housekeeping.recheck_journal_soon()
        while self._out_of_range:
            self._custody.reject(self._out_of_range.pop())
        await self._housekeeping.step()
        await self._sweeper.clear_garbage()
        await self._opener.step()
        if not self._inbox.empty():
            await self._apply(self._inbox.get_nowait())
        await self._loader.step()

    async def _apply(self, batches: list[Batch]) -> None:
        """Bring `batches` into the view, portion by portion; those of classes being loaded go to their loads."""
        settled = [batch for batch in batches if self._is_settled(batch.class_id)]
        for batch in batches:
            self._loader.take(batch)
        for portion in portions(settled, self._policy.transaction_values):
            await self._apply_portion(portion)

    async def _apply_portion(self, portion: list[Batch]) -> None:
        values = {entry.record.value for batch in portion for entry in batch.entries}
        snapshot = await self._storage.look([batch.class_id for batch in portion], values)
        applied = apply_batches(snapshot, portion, self._custody.load_ids, self._custody.verifications)
        self._custody.doubt(applied.doubtful)
        if not applied.change.positions:
            return
        await self._journal.bury(applied.died)
        await self._storage.commit(snapshot, applied.change)
        self._custody.store(applied.change.positions)
        self._custody.set_full(False)

    def _is_settled(self, class_id: int) -> bool:
        return self._custody[class_id].position is not None and class_id not in self._custody.doubtful
