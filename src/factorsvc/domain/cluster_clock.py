"""Cluster time as a replica knows it: the one server's clock, sampled over a network that takes its time (design 4).

The server read its clock at some instant between the sending of a question and the arrival of its answer, so one sample
bounds the offset between the two clocks, the tighter the faster the answer was. Bounds of several samples are true all
at once, so what is known is where they overlap; as clocks drift, old bounds are widened as they age.
"""

from collections.abc import Callable
from typing import NamedTuple

from factorsvc.domain.errors import NotReadyError
from factorsvc.domain.ports.clock import Clock

DRIFT = 0.0002
"""Two clocks part by at most this much of the time that passes; quartz does by a tenth of it."""


class _Bounds(NamedTuple):
    """The least and the most that server time less monotonic time can be, in ms, as known at one instant."""

    least: float
    most: float
    at: float

    def later(self, instant: float) -> "_Bounds":
        widened = max(0.0, instant - self.at) * 1000 * DRIFT
        return _Bounds(self.least - widened, self.most + widened, instant)


class ClusterClockEstimate:
    """Translates monotonic instants, in seconds, into the server's time, in ms, right to half a round trip."""

    def __init__(self) -> None:
        """Begin without a sample: nothing can be translated."""
        self._bounds: _Bounds | None = None

    def sample(self, server_ms: float, sent: float, received: float) -> None:
        """Note that the server's clock said `server_ms` between the monotonic instants `sent` and `received`.

        A sample that contradicts all that was known counts alone: the server's clock was set, or it is another server.
        """
        drifted = (received - sent) * 1000 * DRIFT
        fresh = _Bounds(server_ms - received * 1000, server_ms - sent * 1000 + drifted, received)
        if self._bounds is not None:
            known = self._bounds.later(received)
            least, most = max(known.least, fresh.least), min(known.most, fresh.most)
            if least <= most:
                fresh = _Bounds(least, most, received)
        self._bounds = fresh

    def at_ms(self, instant: float) -> float | None:
        """The server's time at monotonic `instant`, None before the first sample."""
        return None if self._bounds is None else (self._bounds.least + self._bounds.most) / 2 + instant * 1000


class SampledClock(Clock):
    """A clock that is told the server's time now and then, and goes on by itself meanwhile."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin without a sample. `monotonic` tells the instant, in seconds, that samples and readings refer to."""
        self.monotonic = monotonic
        self._estimate = ClusterClockEstimate()
        self._told_ms = 0

    def sample(self, server_ms: float, sent: float, received: float) -> None:
        """Learn from an answer of the server; `sent` and `received` are instants of `monotonic`."""
        self._estimate.sample(server_ms, sent, received)

    def now_ms(self) -> int:
        """Return cluster time; it stands still where a better estimate would set it back."""
        now_ms = self._estimate.at_ms(self.monotonic())
        if now_ms is None:
            raise NotReadyError("cluster time is not known yet")
        self._told_ms = max(self._told_ms, int(now_ms))
        return self._told_ms
