"""The reading side of the journal: positions that only `take` moves, and a fair share for each class."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final

from aiokafka.errors import CorruptRecordException

from factorsvc.adapters.kafka.answer import Answer
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.fetched import Fetched
from factorsvc.adapters.kafka.fetches import Fetches
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.domain.errors import JournalMismatchError, OutOfRangeError
from factorsvc.domain.record import Batch

_PROGRESS_S: Final = 3.0
"""So long a broker may say that there is more of a class, and send nothing."""
_FAIR_S: Final = 0.1
"""So long those classes of which something has come wait for those of which more was asked for: their turn is next."""


class JournalReader:
    """Reads some classes of the journal, for one task, as `factorsvc.domain.ports.journal.Journal` promises."""

    def __init__(self, make_client: Callable[[], Client], topic: Topic) -> None:
        """Begin without a class to read."""
        self.renewals = 0
        """How often the connections were made anew, because no progress was made over them."""
        self._fetches = Fetches(make_client, topic)
        self._positions: dict[int, int] = {}
        """Where to read on, by class, with the class first that was read longest ago."""
        self._orders: dict[int, int | None] = {}
        """Where to read each class from as of the next look; None: not at all."""
        self._bell: asyncio.Future[None] | None = None
        """Where a take waits for orders."""
        self._stock: dict[int, Fetched] = {}
        """What has come of a class, from its position on."""
        self._rejected: list[int] = []
        self._behind: dict[int, float] = {}
        """Since when no progress was made with a class."""

    def read_from(self, class_id: int, offset: int) -> None:
        """Order a class to be read from `offset`; a take that waits turns to it."""
        self._orders[class_id] = offset
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def stop_reading(self, classes: Collection[int]) -> None:
        """Order classes not to be read."""
        self._orders.update(dict.fromkeys(classes))

    async def take(self, limit: int, timeout_s: float) -> list[Batch]:
        """Return what there is to read, and move the positions behind it; a take that is cancelled moves none.

        Raises:
            OutOfRangeError: as promised.
            JournalMismatchError: the next record of a class cannot be read by this version.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while True:
            self._obey()
            if self._stock and self._fetches.prompt:
                await asyncio.wait(self._fetches.prompt, timeout=min(_FAIR_S, max(deadline - now(), 0)))
            for answer in self._fetches.receive():
                self._accept(answer)
            if self._rejected:
                raise OutOfRangeError(self._rejected.pop())
            batches = self._hand_out(limit)
            wanted = {each: at for each, at in self._positions.items() if each not in self._stock}
            self._fetches.begin(wanted, classes=len(self._positions), waits=not self._stock)
            if batches or now() >= deadline:
                return batches
            self._bell = asyncio.get_running_loop().create_future()
            waited: set[asyncio.Future[Any]] = {self._bell, *self._fetches.tasks}
            await asyncio.wait(waited, timeout=deadline - now(), return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """End all that is under way. Idempotent."""
        await self._fetches.close()

    def _obey(self) -> None:
        for class_id, offset in self._orders.items():
            self._forget(class_id)
            if offset is not None:
                self._positions[class_id] = offset
                self._fetches.hurry()
        self._orders.clear()

    def _forget(self, class_id: int) -> None:
        self._positions.pop(class_id, None)
        self._stock.pop(class_id, None)
        self._behind.pop(class_id, None)
        if class_id in self._rejected:
            self._rejected.remove(class_id)

    def _accept(self, answer: Answer) -> None:
        """Take in what still belongs to where a class is read."""
        valid = {each for each, at in answer.asked.items() if self._positions.get(each) == at}
        for class_id in valid - answer.behind:
            self._behind.pop(class_id, None)
        for class_id in valid & answer.found.keys():
            self._stock[class_id] = answer.found[class_id]
        for class_id in valid & answer.moved.keys():
            self._stock[class_id] = Fetched.nothing(class_id, 0, answer.moved[class_id])
        for class_id in valid & answer.out_of_range:
            self._forget(class_id)
            self._rejected.append(class_id)
        self._watch(valid & answer.behind)

    def _watch(self, behind: Collection[int]) -> None:
        """Begin anew if a class makes no progress: a broker or a connection may be stuck in ways not known here."""
        now = asyncio.get_running_loop().time()
        if any(now - self._behind.setdefault(class_id, now) >= _PROGRESS_S for class_id in behind):
            self._start_over()

    def _start_over(self) -> None:
        self.renewals += 1
        self._behind.clear()
        self._fetches.renew()

    def _hand_out(self, limit: int) -> list[Batch]:
        """Take what has come, an equal share of each class, and move the positions."""
        batches: list[Batch] = []
        left = limit
        for class_id in [class_id for class_id in self._positions if class_id in self._stock]:
            if left <= 0:
                break
            try:
                batch = self._batch_of(class_id, max(1, limit // len(self._stock)))
            except JournalMismatchError:
                if batches:  # whose positions have moved: it comes first the next time
                    break
                raise
            if batch is not None:
                batches.append(batch)
                left -= len(batch.entries)
        return batches

    def _batch_of(self, class_id: int, limit: int) -> Batch | None:
        stock = self._stock[class_id]
        try:
            batch = stock.take(limit)
        except CorruptRecordException:
            del self._stock[class_id]
            self._start_over()
            return None
        if stock.is_empty:
            del self._stock[class_id]
        if batch.end == batch.start:
            return None
        del self._positions[class_id]
        self._positions[class_id] = batch.end  # and last in the next fetch, so that no class starves
        return batch
