"""A journal's id is its first record, written by whoever finds it empty (design 6, bootstrap).

Sixteen replicas may find it so at once: each writes another name, and the one that lies first counts for all. Names
have keys of their own, so compaction leaves them where they are.
"""

from collections.abc import Callable
from typing import Any, Final

from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record import MemoryRecords

from factorsvc.adapters.kafka.batches import new_batch
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.records import JournalName, Keyed, UnreadableError, name_record, record_in
from factorsvc.adapters.kafka.topics import NotYetError, require
from factorsvc.domain.errors import JournalMismatchError

_ID_BYTES: Final = 16
_PARTITION: Final = 0
_EARLIEST: Final = -2
_FIRST_BATCH: Final = 1
"""In bytes: a broker sends one batch at least, however large."""
_WAIT_MS: Final = 100
_ALL: Final = -1
_APPENDING_MS: Final = 1_000
_BATCH_BYTES: Final = 1_000


async def journal_id(client: Client, topic: str, leader: int, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the id of the journal `topic`, whose first partition `leader` leads; give it one if it has none.

    Raises:
        NotYetError: try again.
        JournalMismatchError: its first record is something else.
    """
    found = await _first_name(client, topic, leader)
    if found is not None:
        return found
    await _append(client, topic, leader, name_record(random_bytes(_ID_BYTES)))
    found = await _first_name(client, topic, leader)
    if found is None:
        raise NotYetError("a name was written and is not there")
    return found


async def _first_name(client: Client, topic: str, leader: int) -> bytes | None:
    """The id, None if there is no record at all."""
    offset = await _earliest(client, topic, leader)
    while True:
        end, batches = await _fetch(client, topic, leader, offset)
        while (batch := batches.next_batch()) is not None:
            for record in batch:
                return _id_in(record.key, record.value)
            offset = batch.next_offset  # compaction leaves a batch without records behind
        if offset >= end:
            return None


def _id_in(key: bytes | None, value: bytes | None) -> bytes:
    try:
        record = record_in(key, value)
    except UnreadableError:
        record = None
    if not isinstance(record, JournalName):
        raise JournalMismatchError("its first record", "something else", "its id")
    return record.journal_id


async def _earliest(client: Client, topic: str, leader: int) -> int:
    asked = OffsetRequest(-1, 0, [(topic, [(_PARTITION, _EARLIEST)])])
    _, code, _, offset = _of_partition(await client.ask(asked, leader))
    require(code, "to find the journal's beginning")
    return int(offset)


async def _fetch(client: Client, topic: str, leader: int, offset: int) -> tuple[int, MemoryRecords]:
    """The end offset, and what begins at `offset`."""
    asked = [(topic, [(_PARTITION, offset, _FIRST_BATCH)])]
    answer = await client.ask(FetchRequest(_WAIT_MS, 1, _FIRST_BATCH, 0, asked), leader)
    _, code, end, *_, records = _of_partition(answer)
    require(code, "to read the journal's beginning")
    return int(end), MemoryRecords(records or b"")


async def _append(client: Client, topic: str, leader: int, record: Keyed) -> None:
    builder = new_batch(_BATCH_BYTES)
    builder.append(0, None, *record, [])
    asked = [(topic, [(_PARTITION, bytes(builder.build()))])]
    _, code, *_ = _of_partition(await client.ask(ProduceRequest(None, _ALL, _APPENDING_MS, asked), leader))
    require(code, "to name the journal")


def _of_partition(answer: Any) -> Any:
    """What `answer` says of the only partition of the only topic that was asked for."""
    ((_, (partition,)),) = answer.topics
    return partition
