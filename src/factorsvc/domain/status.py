"""What a replica says of itself to all, at each change and every second (design 9), and what it says to a probe."""

from collections.abc import Mapping
from typing import NamedTuple


class Status(NamedTuple):
    """One replica's word about itself. It is for liveness only: a wrong or late one costs time, never an answer."""

    slot: int
    epoch: int
    """The claim's epoch: of two statuses of one slot the one with the larger epoch counts."""
    at_ms: int
    """Cluster time of the statement."""
    serving: Mapping[int, int]
    """Classes it answers for, each with its lag: records of the journal not yet in its view."""
    restoring: frozenset[int]
    retiring: frozenset[int]
    """Classes it still serves (they are in `serving` too) but that are placed elsewhere."""
    values: int
    """Values in its view, those included that have expired and are not yet swept."""
    leaving: bool
    full: bool
    """Its database takes no more writes."""


LEAVING = "leaving"
"""`Readiness.reason` of a replica that drains. It still answers, and asks clients to come back elsewhere."""


class Readiness(NamedTuple):
    """Whether this replica takes requests. `reason` is empty exactly when `ready`."""

    ready: bool
    reason: str
    slot: int | None
    epoch: int | None
    classes: int
    """How many classes it serves itself."""
