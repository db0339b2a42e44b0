"""The port to the journal: the compacted log that is the source of truth (design 6)."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from factorsvc.domain.record import Batch, Put, PutKey


class JournalFacts(NamedTuple):
    """What must be known of the journal before a view may rely on it."""

    journal_id: bytes
    """Chosen at random when the journal was made; a journal made anew has another one."""
    retention_ms: int
    """Its actual `delete.retention.ms`: how long tombstones stay after compaction at least."""


class NoReceipt(Enum):
    """Why a put has no append time."""

    NOT_SENT = auto()
    """It never left this process and never will."""
    UNKNOWN = auto()
    """It may be in the journal, or get there later."""


Receipt = int | NoReceipt
"""The broker's append time in ms of an acknowledged put, or why there is none."""


class Journal(Protocol):
    """Appends to all classes and reads some of them. Every call has a deadline of its own, inside."""

    @abstractmethod
    async def open(self) -> JournalFacts:
        """Make the journal if there is none, check it, return its facts. Safe for many replicas at once, repeatable.

        Raises:
            JournalUnavailableError: it cannot be reached.
            JournalMismatchError: it exists with other settings than this service needs.
        """

    @abstractmethod
    async def append(self, puts: Sequence[Put], deadline: float) -> list[Receipt]:
        """Append each of `puts` to the journal of its class, once, and return their receipts in the same order.

        Returns by `deadline`, an instant of the loop's monotonic clock, whatever the broker does. An append whose
        acknowledgement did not come may land at any later time; it is never tried again by somebody else. Puts of one
        class keep their order. Cancelled, every put is in doubt.
        """

    @abstractmethod
    async def bury(self, keys: Sequence[PutKey]) -> None:
        """Append a tombstone for each of `keys` and return when all are acknowledged.

        Within a class they land in the order given, and none before all earlier ones of its class have. Repeatable.

        Raises:
            JournalUnavailableError: not all were acknowledged.
        """

    @abstractmethod
    async def end_offsets(self) -> Mapping[int, int]:
        """Return for each class the offset after its last record, asked for after this call began.

        It covers every append that was acknowledged before. An answer that is not whole is never returned.

        Raises:
            JournalUnavailableError: no whole answer came in time.
        """

    @abstractmethod
    def read_from(self, class_id: int, offset: int) -> None:
        """Read this class from `offset` on, whether or not it was read before; at the latest from the next `take` on.

        0 is the journal's beginning, wherever that is by now.
        Batches that were taken from another offset may still be on their way to the caller.
        """

    @abstractmethod
    def stop_reading(self, classes: Collection[int]) -> None:
        """From the next `take` on do not read these classes."""

    @abstractmethod
    async def take(self, limit: int, timeout_s: float) -> list[Batch]:
        """Return what there is to read, at most about `limit` records and one batch a class; wait `timeout_s` at most.

        Batches of one class follow each other without a gap until `read_from` sets another offset. No records in time:
        the empty list, or batches that only advance. An unreachable broker is silence.

        Raises:
            OutOfRangeError: the offset to read from is not in the journal; the class is read no more.
            JournalMismatchError: a record of ours that this version cannot read. To pass it over might lose a put, so
                whoever reads cannot go on.
        """
