"""A replica as observability sees it: from outside, by what it says of itself."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from factorsvc.domain.status import Readiness, Status


class Watched(Protocol):
    """One replica. Nothing here changes it, and all but `changed` is cheap."""

    @abstractmethod
    def readiness(self) -> Readiness:
        """Tell whether it takes requests, and why not."""

    @abstractmethod
    def cluster(self) -> Sequence[Status]:
        """Return the present statuses of all replicas, by slot, as this one knows them."""

    @abstractmethod
    async def changed(self) -> None:
        """Return when `readiness` or `cluster` may have changed since this was called."""


def own_status(replica: Watched) -> Status | None:
    """What `replica` last said of itself under its present claim, as it came back to it; None if nothing did yet."""
    readiness = replica.readiness()
    mine = (status for status in replica.cluster() if status.slot == readiness.slot)
    return next((status for status in mine if status.epoch == readiness.epoch), None)
