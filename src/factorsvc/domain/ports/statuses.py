"""The port of the status log, which everybody writes and everybody reads (design 9)."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from factorsvc.domain.status import Status


class StatusBatch(NamedTuple):
    """What was read of the status log."""

    statuses: Sequence[Status]
    gap: bool
    """Statuses were missed before these: all that was known of others is to be forgotten."""


class StatusLog(Protocol):
    """Statuses of all replicas, in one order. Read from its end as of the first take: the past does not matter."""

    @abstractmethod
    async def publish(self, status: Status) -> int:
        """Append `status` and return the broker's append time in ms.

        Raises:
            JournalUnavailableError: not acknowledged in time.
        """

    @abstractmethod
    async def take(self, timeout_s: float) -> StatusBatch:
        """Return the statuses since the last take, one's own too; wait `timeout_s` at most. The first is no gap."""
