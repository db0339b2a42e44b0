"""What all replicas of one process share instead of a message bus: one broker with its logs and its coordinator."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from factorsvc.adapters.memory.coordinator import Coordinator, GroupTiming
from factorsvc.adapters.memory.link import LinkDownError
from factorsvc.adapters.memory.shared_journal import SharedJournal
from factorsvc.adapters.memory.shared_log import SharedLog
from factorsvc.domain.question import Message
from factorsvc.domain.slot import SLOTS
from factorsvc.domain.status import Status

T = TypeVar("T")

_TOMBSTONES_STAY_MS = 24 * 60 * 60 * 1000
_TALK_STAYS_MS = 10 * 1000


class MemoryCluster:
    """The broker. It keeps everything as long as the process lives; clients reach it over links only.

    A test reaches its parts directly: it compacts, cuts, deletes, stops, steps the clock, and looks.
    """

    def __init__(
        self,
        classes: int,
        now_ms: Callable[[], int],
        *,
        timing: GroupTiming | None = None,
        tombstone_retention_ms: int = _TOMBSTONES_STAY_MS,
        dirty_ratio: float | None = None,
    ) -> None:
        """Make a broker whose clock is `now_ms`; see `SharedJournal` for what `dirty_ratio` does."""
        self.clock_offset_ms = 0
        """By how much the broker's clock is off. For tests."""
        self._read_clock_ms = now_ms
        self.journal = SharedJournal(self.now_ms, tombstone_retention_ms, dirty_ratio)
        self.statuses = SharedLog[Status](1, self.now_ms, _TALK_STAYS_MS)
        self.mail = SharedLog[Message](SLOTS, self.now_ms, _TALK_STAYS_MS)
        self.coordinator = Coordinator(classes, timing or GroupTiming(), _loop_time)
        self._is_up = True

    def now_ms(self) -> int:
        """The broker's time, which it stamps on what is appended."""
        return self._read_clock_ms() + self.clock_offset_ms

    def serve(self, effect: Callable[[], T]) -> T:
        """Do `effect`, which is what a broker does with a request.

        Raises:
            LinkDownError: it is stopped.
        """
        if not self._is_up:
            raise LinkDownError("the broker is stopped", sent=False)
        return effect()

    def stop(self) -> None:
        """Refuse everything from now on. What was acknowledged stays."""
        self._is_up = False

    def start(self) -> None:
        """Serve again. Sessions of the group begin anew, as nobody could be heard meanwhile."""
        self._is_up = True
        self.coordinator.restart()


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
