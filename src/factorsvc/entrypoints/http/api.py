"""What HTTP needs of the rest of the service: the use cases of one replica, and its limits on requests."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from factorsvc.application.answer import Answer
from factorsvc.domain.status import Readiness, Status
from factorsvc.domain.value import FactoredValue


class ReplicaApi(Protocol):
    """One replica as HTTP sees it. All errors are those of `factorsvc.domain.errors`."""

    @abstractmethod
    async def store(self, numbers: Sequence[int], ttl_s: int | None) -> list[FactoredValue]:
        """Factor `numbers` and store them all, for `ttl_s` seconds or for ever; return them in the order given.

        `numbers` are >= 1 and within the limits. Of which errors nothing is stored is `ProblemKind.nothing_stored`.
        """

    @abstractmethod
    async def find(self, prime: int) -> Answer:
        """Return every stored value that has the prime factor `prime`. The caller closes `Answer.more`.

        Raises:
            NotPrimeError: `prime`, of any sign, is no prime.
            NotCoveredError: some class could not be answered in time.
        """

    @abstractmethod
    def readiness(self) -> Readiness:
        """Tell whether this replica takes requests, and why not. Cheap: asked once for each request."""

    @abstractmethod
    def cluster(self) -> Sequence[Status]:
        """Return the present statuses of all replicas, by slot, as this replica knows them."""

    @abstractmethod
    async def changed(self) -> None:
        """Return when `readiness` or `cluster` may have changed since this was called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What a request may ask for at most (design 10)."""

    max_batch: int = 10_000
    """Numbers in one body."""
    max_body_bytes: int = 1 << 20
    max_bits: int = 256
    """Bits of a number, of a prime too."""
    max_concurrent: int = 1_000
    """Requests for values under way at once."""

    @property
    def max_number(self) -> int:
        """The largest number that has no more than `max_bits` bits."""
        return (1 << self.max_bits) - 1
