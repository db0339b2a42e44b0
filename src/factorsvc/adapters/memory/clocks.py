"""Clocks that need no server: one that a test sets, and the machine's own.

A replica in memory has a `factorsvc.domain.cluster_clock.SampledClock` like a real one, which learns the time of the
`MemoryRedis` at each renewal. The clocks here are what such a server goes by.
"""

import time

from factorsvc.domain.ports.clock import Clock


class ManualClock(Clock):
    """Stands still until it is told otherwise."""

    def __init__(self, now_ms: int = 1_000_000) -> None:
        """Begin at `now_ms`."""
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, by_s: float) -> None:
        """Let `by_s` seconds pass."""
        self.set(self._now_ms + round(by_s * 1000))

    def set(self, now_ms: int) -> None:
        """Set the time; to set it back does nothing, as a clock never goes back."""
        self._now_ms = max(self._now_ms, now_ms)


class SystemClock(Clock):
    """The machine's clock; it stands still while that is being set back."""

    def __init__(self) -> None:
        """Begin at the machine's time."""
        self._told_ms = 0

    def now_ms(self) -> int:
        self._told_ms = max(self._told_ms, time.time_ns() // 1_000_000)
        return self._told_ms
