"""One round: the GETs that collected while the last one was being opened, and what has been answered (design 9)."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from factorsvc.application.signal import Signal
from factorsvc.domain.coverage import Coverage
from factorsvc.domain.errors import NotCoveredError, NotReadyError
from factorsvc.domain.question import Cursor, Page, Part, ReadIndex


class Found(NamedTuple):
    """What was found of a prime in one class, and at which slot."""

    class_id: int
    slot: int
    page: Page


class Round:
    """Some primes, asked together in some classes as of one read index."""

    def __init__(
        self,
        primes: Iterable[int],
        classes: Iterable[int],
        deadline: float,
        read_index: ReadIndex | None = None,
        cursor: Cursor | None = None,
    ) -> None:
        """Begin a round that somebody waits for until `deadline`, an instant of the loop's monotonic clock.

        The read index may come later, but before anybody is asked; a `cursor` goes on in a round's only class.
        """
        self.primes = tuple(primes)
        self.deadline = deadline
        self.read_index = read_index
        self.cursor = cursor
        self.question_ids: list[bytes] = []
        self.coverage = Coverage(classes)
        self.progress = Signal()
        self.abandoned = False

    def index_of(self, classes: Iterable[int]) -> ReadIndex:
        """The read index of some classes. It must have been learnt."""
        if self.read_index is None:
            raise RuntimeError("a round was asked before it had a read index")
        return self.read_index.of(classes)

    def take(self, slot: int, parts: Iterable[Part], now: float) -> None:
        """Take in parts that `slot` gave."""
        for part in parts:
            self.coverage.take(slot, part, now)
        self.progress.fire()

    def lost(self, slots: frozenset[int], now: float) -> None:
        """Ask again what was asked of `slots`; also called with none, when others may have become able to answer."""
        self.coverage.lost(slots, now)
        self.progress.fire()

    def abandon(self) -> None:
        """End the round without an answer: the replica lost its slot."""
        self.abandoned = True
        self.progress.fire()

    async def found(self, prime: int, deadline: float) -> list[Found]:
        """Wait until every class is answered and return what was found of `prime`, one entry a class.

        Raises:
            NotCoveredError: some class was not answered by `deadline`.
            NotReadyError: the round was abandoned.
        """
        loop = asyncio.get_running_loop()
        while self.coverage.missing:
            if self.abandoned:
                raise NotReadyError("the slot was lost")
            if loop.time() >= deadline:
                raise NotCoveredError(self.coverage.missing)
            await self.progress.wait_until(deadline)
        place = self.primes.index(prime)
        return [Found(c, slot, part.pages[place]) for c, (slot, part) in sorted(self.coverage.answers.items())]
