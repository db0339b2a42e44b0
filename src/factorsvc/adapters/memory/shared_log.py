"""The broker's side of a log that all replicas share: partitions, append times, and readers that wait for news."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from factorsvc.adapters.memory.bell import Bell
from factorsvc.adapters.memory.partition import Partition, Slice

R = TypeVar("R")


class Fetched(NamedTuple, Generic[R]):
    """The answer to a fetch."""

    slices: Mapping[int, Slice[R]]
    """By partition, of those where there is something to read or to pass over."""
    out_of_range: Sequence[int]
    """Partitions whose position is before the start or beyond the end."""
    news: Sequence[asyncio.Future[None]]
    """Done when something comes to one of the partitions that were read from."""


class SharedLog(Generic[R]):
    """A partitioned log. Its methods are effects in the sense of `factorsvc.adapters.memory.link`."""

    def __init__(self, partitions: int, now_ms: Callable[[], int], retention_ms: int | None = None) -> None:
        """Make an empty log that forgets records older than `retention_ms`, if that is given."""
        self.partitions = [Partition[R]() for _ in range(partitions)]
        self._bells = [Bell() for _ in range(partitions)]
        self._now_ms = now_ms
        self._retention_ms = retention_ms

    def append(self, partition: int, records: Sequence[R]) -> int:
        """Append `records` in their order, wake who waits for them, and return their append time."""
        now_ms = self._now_ms()
        log = self.partitions[partition]
        log.append(records, now_ms)
        if self._retention_ms is not None:
            log.cut_older(now_ms - self._retention_ms)
        self._bells[partition].ring()
        return now_ms

    def ends(self) -> dict[int, int]:
        """Return the end offset of each partition."""
        return {partition: log.end for partition, log in enumerate(self.partitions)}

    def fetch(self, positions: Mapping[int, int], limit: int) -> Fetched[R]:
        """Read from each of `positions` what there is, at most about `limit` records in all.

        A large backlog leaves each other partition a fair share, and where there are more partitions than `limit`
        the first ones get one record each: who puts those at the back of its next fetch starves none.
        """
        logs = {partition: self.partitions[partition] for partition in positions}
        out_of_range = [partition for partition, offset in positions.items() if not logs[partition].has(offset)]
        behind = {p: at for p, at in positions.items() if logs[p].start <= at < logs[p].end}
        shares = _shares({p: logs[p].backlog(at) for p, at in behind.items()}, limit)
        slices = {p: logs[p].read(at, shares[p]) for p, at in behind.items() if p in shares}
        return Fetched(slices, out_of_range, [self._bells[partition].next() for partition in positions])


def _shares(backlogs: Mapping[int, int], limit: int) -> dict[int, int]:
    """Divide `limit` records among partitions: equally, and what one does not need goes to those that do."""
    first = dict(islice(backlogs.items(), limit))
    shares: dict[int, int] = {}
    left = limit
    for partition in sorted(first, key=first.__getitem__):
        shares[partition] = min(first[partition], left // (len(first) - len(shares)))
        left -= shares[partition]
    return {partition: shares[partition] for partition in first}
