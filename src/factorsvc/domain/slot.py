"""Slots: the databases that replicas claim, in which order they are tried, and when a lease is sure (design 5)."""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

SLOTS = 16
"""Databases of one Redis at its default settings."""


class Occupancy(IntEnum):
    """What can be seen of a slot from outside, in the order in which a claimer tries them."""

    FREE_WITH_VIEW = 0
    """No lease, and a view that saves its next holder most of the restoring."""
    DEAD = 1
    """A lease whose holder had no connection in two looks a second apart: it was killed."""
    FREE_EMPTY = 2
    HELD = 3
    """A lease that may live: not to be tried."""


class SlotSight(NamedTuple):
    """What can be seen of a slot without entering it."""

    leased: bool
    holds_view: bool
    connected: bool
    """Somebody is connected to it, or is claiming it."""


class SlotFacts(NamedTuple):
    """One slot as it was judged."""

    slot: int
    occupancy: Occupancy


class Survey(NamedTuple):
    """All slots, in order, and how long the server had been up."""

    slots: tuple[SlotSight, ...]
    up_s: float

    def suspects(self, lease_ttl_s: float) -> frozenset[int]:
        """Leases whose holders are not connected: dead, if that is so a second later too.

        None while all may still be on their way back to a server that was restarted.
        """
        if self.up_s < lease_ttl_s:
            return frozenset()
        return frozenset(slot for slot, sight in enumerate(self.slots) if sight.leased and not sight.connected)

    def facts(self, dead: frozenset[int] = frozenset()) -> list[SlotFacts]:
        """Judge every slot, given those whose leases are of the dead."""
        return [SlotFacts(slot, _occupancy(sight, is_dead=slot in dead)) for slot, sight in enumerate(self.slots)]


def _occupancy(sight: SlotSight, *, is_dead: bool) -> Occupancy:
    if sight.leased:
        return Occupancy.DEAD if is_dead else Occupancy.HELD
    return Occupancy.FREE_WITH_VIEW if sight.holds_view else Occupancy.FREE_EMPTY


def candidates(facts: Iterable[SlotFacts], shuffle: Callable[[list[SlotFacts]], None]) -> list[int]:
    """The slots worth a try, best first, random among equals: lowest-first doubles the races that are lost."""
    tries = [fact for fact in facts if fact.occupancy is not Occupancy.HELD]
    shuffle(tries)
    tries.sort(key=lambda fact: fact.occupancy)
    return [fact.slot for fact in tries]


def next_epoch(now_ms: int, last_epoch: int | None) -> int:
    """The epoch of a new claim: larger than all before it in this database, and as a rule than all others' too."""
    return now_ms if last_epoch is None else max(now_ms, last_epoch + 1)


class Lease:
    """How long the holder of a slot may believe in its claim, by its own monotonic clock.

    The server counts the ttl from when it handled a renewal, which is after the renewal was sent. So from the sending
    of the last one that succeeded, plus the ttl, nobody may rely on the lease, whatever the server would say.
    """

    def __init__(self, ttl_s: float, claimed: float) -> None:
        """Begin a lease of `ttl_s` seconds whose claim was sent at monotonic instant `claimed`."""
        self.ttl_s = ttl_s
        self.sure_until = claimed + ttl_s

    def renewed(self, sent: float) -> None:
        """Note that the renewal sent at monotonic instant `sent` succeeded."""
        self.sure_until = max(self.sure_until, sent + self.ttl_s)

    def is_sure(self, now: float) -> bool:
        """Tell whether at monotonic instant `now` no other replica can hold the slot."""
        return now < self.sure_until
