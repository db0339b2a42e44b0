"""The port that gives a replica a database of its own (design 5)."""

from abc import abstractmethod
from typing import Protocol

from factorsvc.domain.ports.storage import Storage
from factorsvc.domain.slot import Lease


class SlotClaim(Protocol):
    """A slot that is held, until the lease is lost or released."""

    slot: int
    epoch: int
    """Larger than that of every claim of this slot before it. A re-claim with one's own token keeps it."""
    lease: Lease
    """How long the claim may be believed in; `renew` keeps it."""
    storage: Storage

    @abstractmethod
    async def renew(self) -> None:
        """Extend the lease by its ttl and learn cluster time anew.

        Raises:
            SlotLostError: the lease is gone, or the server refuses this claim. Final.
            StorageUnavailableError: no answer; try again as long as the lease is sure.
        """

    @abstractmethod
    async def release(self) -> None:
        """Give the slot back and cut every connection of this claim. One that is no longer held is left alone.

        Raises:
            StorageUnavailableError: no answer; the lease ends by itself.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close this side's connections without a word to the server; the lease goes on. Idempotent."""


class SlotAllocator(Protocol):
    """Hands out the slots. No two live claims are of one slot, and a lost one can neither write nor read (P1, P2)."""

    @abstractmethod
    async def claim(self) -> SlotClaim | None:
        """Claim a free slot, or again the one that this process holds; None when all are taken.

        Cancelled, it may leave a lease with this process's token, which the next claim takes up again.

        Raises:
            StorageUnavailableError: the server does not answer.
            StorageMismatchError: it is not what this service needs; looked at before the first claim.
        """
