"""Reading one partition of talk from its end on: the past does not matter, but what was missed must be known.

Each fetch is a request with a deadline of its own, so nothing can fall silent: a connection that does not answer is
replaced, and the next request says where to read on.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record import MemoryRecords

from factorsvc.adapters.kafka.talk import OUT_OF_RANGE, Talk
from factorsvc.domain.errors import JournalUnavailableError

_AT_ONCE_BYTES: Final = 1024 * 1024
"""Of one tail at most, if it is more than one batch: a few frames of long answers."""
_WAIT_S: Final = 0.5
"""The longest that a broker keeps a fetch: who gives up a take and begins another waits behind it."""
_BACKOFF_S: Final = 0.05
_LATEST: Final = -1
_EARLIEST: Final = -2


class Tail(NamedTuple):
    """What came since the last take."""

    values: Sequence[bytes | None]
    gap: bool
    """Records were removed before these could be read."""


NOTHING: Final = Tail([], gap=False)


class TailReader:
    """Reads a partition on from where its end was when the broker was first asked for it."""

    def __init__(self, talk: Talk, partition: int) -> None:
        """Read over `talk`, over which nobody asks who cannot wait as long as a fetch may."""
        self._talk = talk
        self._partition = partition
        self._position: int | None = None

    async def seek(self) -> int:
        """Return where to read on: the end as of now, unless it was asked for before.

        Raises:
            JournalUnavailableError: it could not be learnt.
        """
        if self._position is None:
            self._position = await self._offset(_LATEST)
        return self._position

    async def take(self, timeout_s: float) -> Tail:
        """Return what came since the last take, or since the end was sought; wait `timeout_s` for records at most.

        A broker that does not answer is silence. Cancelled, everything is left for the next take.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while True:
            tail = await self._look(deadline - now())
            if tail.values or tail.gap or now() >= deadline:
                return tail

    async def _look(self, wait_s: float) -> Tail:
        try:
            position = await self.seek()
            return await self._fetch(position, min(max(wait_s, 0.0), _WAIT_S))
        except JournalUnavailableError:
            await asyncio.sleep(min(max(wait_s, 0.0), _BACKOFF_S))
            return NOTHING

    async def _fetch(self, position: int, wait_s: float) -> Tail:
        asked = [(self._talk.name, [(self._partition, position, _AT_ONCE_BYTES)])]
        request = FetchRequest(round(wait_s * 1000), 1, _AT_ONCE_BYTES, 0, asked)
        _, code, *_, data = await self._talk.ask(self._partition, request)
        if code == OUT_OF_RANGE:
            self._position = await self._offset(_EARLIEST)
            return Tail([], gap=True)
        values: list[bytes | None] = []
        batches = MemoryRecords(data or b"")
        while (batch := batches.next_batch()) is not None:
            values += [record.value for record in batch if record.offset >= position]
            self._position = batch.next_offset
        return Tail(values, gap=False)

    async def _offset(self, which: int) -> int:
        asked = OffsetRequest(-1, 0, [(self._talk.name, [(self._partition, which)])])
        _, _, _, offset = await self._talk.ask(self._partition, asked)
        if offset < 0:
            raise JournalUnavailableError("an offset that is none")
        return int(offset)
