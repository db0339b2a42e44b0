"""The reading side of the journal: positions that only `take` moves, and a fair share for each class."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from factorsvc.adapters.memory.bell import Bell
from factorsvc.adapters.memory.compaction import JournalId, JournalRecord
from factorsvc.adapters.memory.connection import Connection, News
from factorsvc.adapters.memory.partition import Stored
from factorsvc.adapters.memory.shared_journal import SharedJournal
from factorsvc.adapters.memory.shared_log import Fetched
from factorsvc.domain.errors import OutOfRangeError
from factorsvc.domain.record import Batch, Entry


class JournalReader:
    """Reads some classes of the journal, for one task, as `factorsvc.domain.ports.journal.Journal` promises."""

    def __init__(self, journal: SharedJournal, connection: Connection) -> None:
        """Begin without a class to read."""
        self._journal = journal
        self._connection = connection
        self._positions: dict[int, int] = {}
        """Where to read on, by class, with the class first that was read longest ago."""
        self._orders: dict[int, int | None] = {}
        """Where to read each class from as of the next fetch; None: not at all."""
        self._ordered = Bell()

    def read_from(self, class_id: int, offset: int) -> None:
        """Order a class to be read from `offset`; a take that waits turns to it."""
        self._orders[class_id] = offset
        self._ordered.ring()

    def stop_reading(self, classes: Collection[int]) -> None:
        """Order classes not to be read."""
        self._orders.update(dict.fromkeys(classes))

    async def take(self, limit: int, timeout_s: float) -> list[Batch]:
        """Return what there is to read, and move the positions behind it; a take that is cancelled moves none."""
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while True:
            self._obey()
            look = partial(self._look, dict(self._positions), limit)
            fetched = await self._connection.poll(look, deadline - now(), self._ordered.next())
            batches = self._advance(fetched) if fetched is not None else []
            if batches or now() >= deadline:
                return batches

    def _advance(self, fetched: Fetched[JournalRecord]) -> list[Batch]:
        """Move the positions behind what was fetched, but for classes that have got another order meanwhile."""
        for class_id in fetched.out_of_range:
            if class_id not in self._orders:
                del self._positions[class_id]
                raise OutOfRangeError(class_id)
        batches = []
        for class_id, piece in fetched.slices.items():
            if class_id not in self._orders:
                del self._positions[class_id]
                self._positions[class_id] = piece.end  # and last in the next fetch, so that no class starves
                batches.append(Batch(class_id, piece.start, piece.end, _entries(piece.records)))
        return batches

    def _obey(self) -> None:
        for class_id, offset in self._orders.items():
            self._positions.pop(class_id, None)
            if offset is not None:
                self._positions[class_id] = offset
        self._orders.clear()

    def _look(self, positions: Mapping[int, int], limit: int) -> Fetched[JournalRecord] | News:
        fetched = self._journal.fetch(positions, limit)
        return fetched if fetched.slices or fetched.out_of_range else News(fetched.news)


def _entries(records: Sequence[Stored[JournalRecord]]) -> list[Entry]:
    """The records as the domain sees them; the journal's id is no business of a class."""
    return [
        Entry(stored.offset, stored.append_time_ms, stored.record)
        for stored in records
        if not isinstance(stored.record, JournalId)
    ]
