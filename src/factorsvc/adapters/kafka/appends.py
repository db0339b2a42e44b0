"""Appends of many requests at once: what collects while some are under way goes together in the next round.

A round has one batch of each class that has something to append, so the records of a class keep their order, and the
first one that fails is the last that was sent. Who waits in vain until its deadline ends the producer: what was under
way with it is in doubt, and what was not goes on with another one, in its own time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from factorsvc.adapters.kafka.errands import Errands
from factorsvc.adapters.kafka.parcels import Parcel, Round
from factorsvc.adapters.kafka.producer import Producer
from factorsvc.adapters.kafka.records import Keyed
from factorsvc.adapters.kafka.topics import NotYetError
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError
from factorsvc.domain.ports.journal import Receipt

_BACKOFF_S: Final = 0.1


class Appends:
    """Appends records, each once."""

    def __init__(self, make_producer: Callable[[], Producer]) -> None:
        """Append with producers that `make_producer` makes, one after the other."""
        self._make_producer = make_producer
        self._producer: Producer | None = None
        self._queues: dict[int, deque[Parcel]] = {}
        self._round: Round | None = None
        self._errands = Errands()
        self._driver: asyncio.Task[None] | None = None
        """Is there while something is to be appended; who waits for that waits for it too."""
        self._is_closed = False

    async def prepare(self) -> None:
        """Have a producer ready for the first append, if there is one to be had."""
        if self._round is None and not self._is_closed:
            await self._ready()

    async def append(self, records: Mapping[int, Sequence[Keyed]], deadline: float) -> dict[int, list[Receipt]]:
        """Append the records of each class, in their order, and return their receipts, by `deadline` at the latest."""
        parcels = [Parcel(class_id, of_class, deadline) for class_id, of_class in records.items() if of_class]
        if not self._is_closed and asyncio.get_running_loop().time() < deadline:
            try:
                for parcel in parcels:
                    self._queues.setdefault(parcel.class_id, deque()).append(parcel)
                await self._wait(parcels, deadline)
            finally:
                for parcel in parcels:
                    parcel.end()
        return {parcel.class_id: parcel.receipts for parcel in parcels}

    async def close(self) -> None:
        """End all that is under way. Idempotent."""
        self._is_closed = True
        self._queues.clear()
        self._abandon()
        await self._errands.close()

    async def _wait(self, parcels: Sequence[Parcel], deadline: float) -> None:
        waited = asyncio.gather(*(parcel.over for parcel in parcels))
        now = asyncio.get_running_loop().time
        while not waited.done() and not self._is_closed:
            driver = self._drive()
            either: set[asyncio.Future[Any]] = {waited, driver}
            await asyncio.wait(either, timeout=deadline - now(), return_when=asyncio.FIRST_COMPLETED)
            if driver.done() and not driver.cancelled():
                driver.result()
            if now() >= deadline and not waited.done():
                self._abandon()
                return

    def _drive(self) -> asyncio.Task[None]:
        if self._driver is None or self._driver.done():
            self._driver = self._errands.begin(self._rounds(), "appends")
        return self._driver

    def _abandon(self) -> None:
        """End the producer if it has something under way, or all is to end; the others' parcels go on without it."""
        if self._round is None and not self._is_closed:
            return
        if self._round is not None:
            self._round.give_up()
            self._round = None
        if self._producer is not None:
            self._producer.abandon()
            self._producer = None
        if self._driver is not None:
            self._driver.cancel()

    async def _rounds(self) -> None:
        while self._tidy():
            producer = await self._ready()
            if producer is None:
                await asyncio.sleep(_BACKOFF_S)
            elif self._tidy():
                await self._go(producer)

    def _tidy(self) -> bool:
        """Forget parcels that are over, and those whose time is; tell whether there are others."""
        now = asyncio.get_running_loop().time()
        for class_id, queue in [*self._queues.items()]:
            for parcel in queue:
                if parcel.deadline <= now:
                    parcel.end()
            waiting = deque(parcel for parcel in queue if not parcel.is_over)
            if waiting:
                self._queues[class_id] = waiting
            else:
                del self._queues[class_id]
        return bool(self._queues)

    async def _ready(self) -> Producer | None:
        """A producer that may be used; None: there is none to be had now."""
        if self._producer is None:
            producer = self._make_producer()
            try:
                await producer.begin()
            except (JournalUnavailableError, JournalMismatchError, NotYetError):
                pass
            else:
                self._take_over(producer)
            finally:
                if producer is not self._producer:
                    producer.abandon()
        return self._producer

    def _take_over(self, producer: Producer) -> None:
        """Use `producer` from now on, unless another was begun meanwhile, as `prepare` and an append may do."""
        if self._producer is None and not self._is_closed:
            self._producer = producer

    async def _go(self, producer: Producer) -> None:
        """One round."""
        self._round = underway = Round()
        try:
            for class_id, queue in self._queues.items():
                underway.add(class_id, queue, producer)
            underway.settle(await producer.send(underway.batches))
        finally:
            underway.give_up()
            if self._round is underway:
                self._round = None
            if producer.is_over and self._producer is producer:
                producer.abandon()
                self._producer = None
