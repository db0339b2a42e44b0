"""Reading one partition of talk from its end on: the past does not matter, but what was missed must be known."""

import asyncio
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from factorsvc.adapters.memory.connection import Connection, News
from factorsvc.adapters.memory.shared_log import SharedLog

R = TypeVar("R")

_AT_ONCE = 1_000
"""Records of one tail at most."""


class Tail(NamedTuple, Generic[R]):
    """What came since the last take."""

    records: list[R]
    gap: bool
    """Records were cut off before these could be read."""
    end: int
    """Where to read on."""


class TailReader(Generic[R]):
    """Reads a partition on from where its end was when the broker was first asked for it."""

    def __init__(self, log: SharedLog[R], partition: int, connection: Connection) -> None:
        """Begin without a position."""
        self._log = log
        self._partition = partition
        self._connection = connection
        self._position: int | None = None

    async def seek(self, timeout_s: float) -> bool:
        """Learn the end, unless it is known; False: not within `timeout_s`."""
        if self._position is None:
            self._position = await self._connection.poll(self._end, timeout_s)
        return self._position is not None

    async def take(self, timeout_s: float) -> Tail[R]:
        """Return what came since the last take, or since the end was sought; wait `timeout_s` at most."""
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        tail = None
        if await self.seek(timeout_s):
            tail = await self._connection.poll(partial(self._look, self._position or 0), deadline - now())
        if tail is None:
            return Tail([], gap=False, end=self._position or 0)
        self._position = tail.end
        return tail

    def _end(self) -> int:
        return self._log.partitions[self._partition].end

    def _look(self, position: int) -> Tail[R] | News:
        log = self._log.partitions[self._partition]
        gap = not log.has(position)
        fetched = self._log.fetch({self._partition: log.start if gap else position}, _AT_ONCE)
        piece = fetched.slices.get(self._partition)
        if piece is not None:
            return Tail([stored.record for stored in piece.records], gap, piece.end)
        return Tail([], gap, log.end) if gap else News(fetched.news)
