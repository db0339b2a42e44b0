"""What the pool asks of a worker, whether it is a process or only pretends to be one."""

from abc import abstractmethod
from typing import Protocol


class WorkerLostError(Exception):
    """The worker died, or did not come up, and not because of `kill`. It can be opened again."""


class Worker(Protocol):
    """A place at which one number at a time is factored, and which can be stopped whatever it does."""

    @abstractmethod
    async def open(self) -> None:
        """Return when the next number will be begun at once. Costs nothing if that is so already.

        Raises:
            WorkerLostError: it did not come up.
        """

    @abstractmethod
    async def factor(self, number: int, limit_s: float) -> tuple[int, ...]:
        """Return the prime factors of `number`, ascending and with repetition. The worker is open.

        `limit_s` is when the caller will have lost interest; it kills then, and so does the worker itself soon after,
        should the caller be unable to.

        Raises:
            WorkerLostError: it died over this number, or before it.
        """

    @abstractmethod
    def kill(self) -> None:
        """Stop whatever is under way, without waiting for its end; nothing if nothing is. `open` starts afresh."""

    @abstractmethod
    async def close(self) -> None:
        """Kill, and return when nothing is left of the worker."""
