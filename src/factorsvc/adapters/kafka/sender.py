"""Appending to a topic of statuses or mail: in time or not at all, and never again.

What is lost here is said again by whoever said it, so there is nothing for an idempotent producer to do. One that fails
would have to be replaced (its numbering has a gap for ever), while a single request has nothing to recover from.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.errors import JournalUnavailableError

_LEADER: Final = 1
"""Who acknowledges: a word that its leader loses is said again."""
_PATIENCE_MS: Final = 1_000
_BATCH_BYTES: Final = 512 * 1024
"""Well below the megabyte that a broker takes at once; a record may be larger than this and has a batch of its own."""
_NO_TIME: Final = -1


class Sender:
    """Appends over one connection, on which the next request does not wait for the answer to the one before."""

    def __init__(self, talk: Talk) -> None:
        """Append to the topic of `talk`, which nobody reads over."""
        self._talk = talk

    async def append(self, partition: int, values: Sequence[bytes]) -> int:
        """Append `values`, one at least, in their order and return the append time of the last in ms.

        Raises:
            JournalUnavailableError: not acknowledged in time; they may be appended all the same, or a first part.
        """
        append_time_ms = _NO_TIME
        for batch in _batches(values):
            request = ProduceRequest(None, _LEADER, _PATIENCE_MS, [(self._talk.name, [(partition, batch)])])
            _, _, _, append_time_ms, *_ = await self._talk.ask(partition, request)
        if append_time_ms == _NO_TIME:
            raise JournalUnavailableError(f"{self._talk.name} does not tell append times")
        return int(append_time_ms)


def _batches(values: Sequence[bytes]) -> Iterator[bytes]:
    done = 0
    while done < len(values):
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=_BATCH_BYTES,
        )
        first = done
        while done < len(values) and builder.append(done - first, None, None, values[done], []) is not None:
            done += 1
        yield bytes(builder.build())
