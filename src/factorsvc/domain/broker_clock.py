"""Broker time as a replica knows it, from acknowledgements that carry the broker's timestamp (design 6).

A put counts only if it lands by its `append_by`, which is broker time, so the replica must translate. An append that
was sent at monotonic instant `sent` and acknowledged at `acknowledged` was stamped in between. Taking the stamp for one
made at `acknowledged` gives a broker time that is never ahead of the true one, so no put counts after the deadline
that its client was promised; it is behind by at most one round trip.
"""

from math import floor


class BrokerClock:
    """Translates monotonic instants, in seconds, into broker time, in ms, never ahead of it."""

    def __init__(self) -> None:
        """Begin without a sample: nothing can be translated."""
        self._sample: tuple[float, int] | None = None

    def sample(self, acknowledged: float, stamp_ms: int) -> None:
        """Note that the broker stamped `stamp_ms` on something acknowledged at monotonic instant `acknowledged`."""
        self._sample = acknowledged, stamp_ms

    def at_ms(self, instant: float) -> int | None:
        """Broker time at monotonic `instant`, None before the first sample."""
        if self._sample is None:
            return None
        acknowledged, stamp_ms = self._sample
        return stamp_ms + floor((instant - acknowledged) * 1000)
