"""The port that tells cluster time, by which values expire."""

from abc import abstractmethod
from typing import Protocol


class Clock(Protocol):
    """Cluster time: one clock for all replicas, whatever their own say, so that none expires a value early or late."""

    @abstractmethod
    def now_ms(self) -> int:
        """Return cluster time in ms since the epoch. It never goes back within one process.

        Raises:
            NotReadyError: it has not been learnt yet.
        """
