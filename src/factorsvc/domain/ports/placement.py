"""The port through which replicas agree which slot is to hold which class (design 8)."""

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple, Protocol

from factorsvc.domain.placement import Member, Placement


class Assignment(NamedTuple):
    """The placement as all members of one generation see it."""

    generation: int
    placement: Placement


class PlacementGroup(Protocol):
    """A group of replicas among which a coordinator deals the classes by `factorsvc.domain.placement.place`.

    Whoever is alive is the coordinator's to know; a member that is not heard of for a session is out. It is for
    liveness only: two replicas that hold one class for a while do no harm.
    """

    @abstractmethod
    async def join(self, member: Callable[[], Member | None]) -> None:
        """Become a member. `member` is asked at each rebalance; None while the lease is not sure: then not joined.

        Members of the same slot with a smaller epoch are put out of the group. Returns when the group knows this one.

        Raises:
            JournalUnavailableError: the coordinator cannot be reached.
        """

    @abstractmethod
    async def changed(self, than: Assignment | None) -> Assignment:
        """Wait for an assignment that is not `than` and return the latest.

        To wait here is what keeps the membership alive: a member that does not for a session is out.
        """

    @abstractmethod
    async def leave(self) -> None:
        """Leave the group at once, so that others are given the classes. Idempotent; best effort when unreachable."""
