"""What the contracts of the journal ask of a binding, and what they append."""

from abc import abstractmethod

from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.record import Put
from tests.builders import a_put
from tests.contracts.server import TroubledServer

CLASSES = 7
"""Small, so that a test can see all of them."""


class JournalServer(TroubledServer):
    """A server without a journal at first. Its clients are made for `CLASSES` classes."""

    @abstractmethod
    def client(self, classes: int = CLASSES) -> Journal:
        """Return the access of one more replica, not opened."""

    @abstractmethod
    def now_ms(self) -> int:
        """Return broker time."""

    @abstractmethod
    async def compact(self, class_id: int) -> None:
        """Compact all there is of a class now, but for the last record perhaps."""

    @abstractmethod
    async def drop_tombstones(self, class_id: int) -> None:
        """Let the retention of tombstones pass, and drop those compacted before, but for the last record perhaps."""

    @abstractmethod
    async def cut(self, class_id: int, start: int) -> None:
        """Remove all records of a class before `start`, so that the log starts there."""

    @abstractmethod
    async def delete(self) -> None:
        """Delete the journal."""


def puts_of(class_id: int, count: int) -> list[Put]:
    """`count` puts of different values of one class."""
    return [a_put(class_id + CLASSES * (n + 1)) for n in range(count)]
