"""The map of who serves which class, made from statuses (design 9). A wrong map costs time, never a wrong answer.

Instants are the reader's monotonic seconds: a status lapses `LAPSE_S` after it was *read*, so nobody's wall clock
matters. A larger epoch of a slot replaces a smaller one until it lapses itself; a smaller one is ignored meanwhile.
"""

from collections.abc import Iterable
from typing import NamedTuple

from factorsvc.domain.status import Status

LAPSE_S = 3.0
"""A status that is not renewed is forgotten after this: three missed ones."""


class Heard(NamedTuple):
    """A status and when it was read."""

    status: Status
    read_at: float


class ClusterMap:
    """What one replica knows of all, itself included."""

    def __init__(self, classes: int) -> None:
        """Begin knowing nobody, in a cluster of `classes` classes."""
        self.classes = classes
        self._heard: dict[int, Heard] = {}
        self.was_covered = False
        """Every class has been served by somebody at one moment."""

    def hear(self, status: Status, read_at: float) -> None:
        """Take a status in."""
        known = self._heard.get(status.slot)
        if known is None or status.epoch >= known.status.epoch or read_at - known.read_at >= LAPSE_S:
            self._heard[status.slot] = Heard(status, read_at)
            self.was_covered = self.was_covered or self.covers_all

    def forget(self) -> None:
        """Forget everybody: statuses were missed, or the map belongs to a claim that is over."""
        self._heard.clear()

    def lapse(self, now: float) -> frozenset[int]:
        """Forget who has not been heard for `LAPSE_S` and return their slots."""
        silent = frozenset(slot for slot, heard in self._heard.items() if now - heard.read_at >= LAPSE_S)
        for slot in silent:
            del self._heard[slot]
        return silent

    @property
    def statuses(self) -> list[Status]:
        """The statuses that count, by slot."""
        return [self._heard[slot].status for slot in sorted(self._heard)]

    def servers_of(self, class_id: int) -> list[int]:
        """The slots that serve `class_id`, best first: whoever stays before who retires it before who leaves."""
        serving = [status for status in self.statuses if class_id in status.serving]
        serving.sort(key=lambda status: (status.leaving, class_id in status.retiring, status.slot))
        return [status.slot for status in serving]

    def knows(self, slot: int) -> bool:
        """Tell whether `slot` has been heard of lately."""
        return slot in self._heard

    def serves(self, slot: int, class_id: int) -> bool:
        """Tell whether `slot` serves `class_id`."""
        heard = self._heard.get(slot)
        return heard is not None and class_id in heard.status.serving

    @property
    def covers_all(self) -> bool:
        """Tell whether every class is served by somebody."""
        return frozenset(range(self.classes)) <= frozenset().union(*(status.serving for status in self.statuses))

    def uncovered(self, but: Iterable[int] = ()) -> frozenset[int]:
        """The classes that no replica serves; the slots in `but` and replicas that are leaving do not count."""
        others = [status for status in self.statuses if status.slot not in but and not status.leaving]
        return frozenset(range(self.classes)).difference(*(status.serving for status in others))

    def staying(self, but: int) -> bool:
        """Tell whether some replica other than `but` is there and not leaving."""
        return any(not status.leaving and status.slot != but for status in self.statuses)

    @property
    def full(self) -> frozenset[int]:
        """The slots whose databases take no more writes."""
        return frozenset(status.slot for status in self.statuses if status.full)
