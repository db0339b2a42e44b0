"""Appending to a topic of statuses or mail: in time or not at all, and never again.

What is lost here is said again by whoever said it, so there is nothing for an idempotent producer to do. One that fails
would have to be replaced (its numbering has a gap for ever), while a single request has nothing to recover from.

What comes while a request about the same partition is under way goes together in the next one: a hundred at once take
a few requests, not a hundred.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka.protocol.produce import ProduceRequest

from factorsvc.adapters.kafka.batches import new_batch
from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.errors import JournalUnavailableError

_LEADER: Final = 1
"""Who acknowledges: a word that its leader loses is said again."""
_PATIENCE_MS: Final = 1_000
_BATCH_BYTES: Final = 512 * 1024
"""Well below the megabyte that a broker takes at once; a record may be larger than this and has a batch of its own."""
_NO_TIME: Final = -1


@dataclass(slots=True, eq=False)
class _Parcel:
    """What one caller wants appended."""

    values: Sequence[bytes]
    outcome: int | JournalUnavailableError | None = None
    """The append time, or why there is none; None as long as neither is known."""

    @property
    def weight(self) -> int:
        return sum(map(len, self.values))


@dataclass(slots=True, eq=False)
class _Line:
    """Who wants to append to one partition: whoever has the turn sends for those who wait."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[_Parcel] = field(default_factory=list)


class Sender:
    """Appends over one connection, one request about a partition after the other."""

    def __init__(self, talk: Talk) -> None:
        """Append to the topic of `talk`, which nobody reads over."""
        self._talk = talk
        self._lines: defaultdict[int, _Line] = defaultdict(_Line)

    async def append(self, partition: int, values: Sequence[bytes]) -> int:
        """Append `values`, one at least, in their order and return the append time of the last in ms.

        Cancelled, it may leave what it sent for others to be sent once more.

        Raises:
            JournalUnavailableError: not acknowledged in time; they may be appended all the same, or a first part.
        """
        line, parcel = self._lines[partition], _Parcel(values)
        line.waiting.append(parcel)
        try:
            async with line.turn:
                while parcel.outcome is None:
                    await self._send(partition, line)
        finally:
            if parcel in line.waiting:
                line.waiting.remove(parcel)
        if isinstance(parcel.outcome, int):
            return parcel.outcome
        raise JournalUnavailableError(str(parcel.outcome)) from parcel.outcome

    async def _send(self, partition: int, line: _Line) -> None:
        """Send the first parcels. If that fails so do all others: each would wait as long for the same broker."""
        parcels = _first(line.waiting)
        outcome: int | JournalUnavailableError = _NO_TIME
        try:
            for batch in _batches([value for parcel in parcels for value in parcel.values]):
                outcome = await self._append(partition, batch)
        except JournalUnavailableError as error:
            outcome, parcels = error, line.waiting
        for parcel in parcels:
            parcel.outcome = outcome
        line.waiting = [parcel for parcel in line.waiting if parcel.outcome is None]

    async def _append(self, partition: int, batch: bytes) -> int:
        request = ProduceRequest(None, _LEADER, _PATIENCE_MS, [(self._talk.name, [(partition, batch)])])
        _, _, _, append_time_ms, *_ = await self._talk.ask(partition, request)
        if append_time_ms == _NO_TIME:
            raise JournalUnavailableError(f"{self._talk.name} does not tell append times")
        return int(append_time_ms)


def _first(parcels: Sequence[_Parcel]) -> Sequence[_Parcel]:
    """As many of `parcels` as go into one batch, one at least."""
    weight = 0
    for count, parcel in enumerate(parcels):
        weight += parcel.weight
        if count and weight > _BATCH_BYTES:
            return parcels[:count]
    return parcels[:]


def _batches(values: Sequence[bytes]) -> Iterator[bytes]:
    done = 0
    while done < len(values):
        builder = new_batch(_BATCH_BYTES)
        first = done
        while done < len(values) and builder.append(done - first, None, None, values[done], []) is not None:
            done += 1
        yield bytes(builder.build())
