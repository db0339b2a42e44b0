"""The port through which the application has numbers factored."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol


class Factorizer(Protocol):
    """Factors numbers. Never blocks the event loop for more than a few milliseconds."""

    @abstractmethod
    async def factor(self, numbers: Sequence[int], deadline: float) -> list[tuple[int, ...]]:
        """Return the prime factors of each of `numbers`, in their order, duplicates included.

        Each result is sorted ascending with repetition; that of 1 is empty. `numbers` are >= 1 and already bounded.
        `deadline` is one for the whole call, an instant of the event loop's monotonic clock. On any error nothing is
        returned; work still under way is stopped, also when the caller is cancelled.

        Raises:
            FactoringTimeoutError: a number that had a worker was not done at the deadline; it names that number.
            OverloadedError: there was no room to wait for a worker, or none became free before the deadline.
        """

    @abstractmethod
    def is_prime(self, number: int) -> bool:
        """Tell whether `number`, of any sign and of bounded size, is a prime. Takes well under a millisecond."""
