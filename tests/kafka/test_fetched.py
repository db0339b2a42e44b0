"""What a broker sends of a class, as batches that follow each other without a gap."""

import struct
from collections.abc import Mapping
from typing import Final

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from factorsvc.adapters.kafka.fetched import Fetched
from factorsvc.adapters.kafka.records import Keyed, name_record, put_record, tombstone_record
from factorsvc.domain.errors import JournalMismatchError
from factorsvc.domain.record import Batch, Entry
from tests.builders import a_put, a_tombstone

PUTS: Final = [a_put(number) for number in range(1, 10)]
FIRST: Final = 100
CLASS: Final = 3
LAST_OFFSET_DELTA: Final = slice(23, 27)
CRC: Final = slice(17, 21)


def stored(records: Mapping[int, Keyed], base: int, last: int) -> bytes:
    """A batch that once had the offsets from `base` to `last`; compaction has left `records`."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=1,
        producer_epoch=0,
        base_sequence=0,
        batch_size=9999,
    )
    for offset, record in records.items():
        builder.append(offset - base, 7, *record, [])
    batch = bytearray(builder.build())
    batch[:8] = struct.pack(">q", base)
    batch[LAST_OFFSET_DELTA] = struct.pack(">i", last - base)
    batch[CRC] = struct.pack(">I", _crc(bytes(batch[21:])))
    return bytes(batch)


def _crc(data: bytes) -> int:
    """CRC-32C, which the standard library does not have."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def entries(*offsets: int) -> list[Entry]:
    """Those of `PUTS` at these offsets, without their times."""
    return [Entry(offset, 0, PUTS[offset - FIRST]) for offset in offsets]


def puts(*offsets: int) -> dict[int, Keyed]:
    """Their records."""
    return {offset: put_record(PUTS[offset - FIRST]) for offset in offsets}


def taken(fetched: Fetched, limit: int) -> list[Batch]:
    """All that is in `fetched`, `limit` entries at a time, without their times."""
    batches = []
    while not fetched.is_empty:
        batch = fetched.take(limit)
        batches.append(batch._replace(entries=[entry._replace(append_time_ms=0) for entry in batch.entries]))
    return batches


def test_batches_follow_each_other_in_parts_of_any_size() -> None:
    """A limit is kept also in the middle of what was appended in one go."""
    data = stored(puts(100, 101, 102), 100, 102) + stored(puts(103, 104), 103, 104)

    assert taken(Fetched(CLASS, 100, data), 2) == [
        Batch(CLASS, 100, 102, entries(100, 101)),
        Batch(CLASS, 102, 104, entries(102, 103)),
        Batch(CLASS, 104, 105, entries(104)),
    ]


def test_what_lies_before_the_start_is_passed() -> None:
    """A broker sends batches as they were appended, also if less of them was asked for."""
    assert taken(Fetched(CLASS, 102, stored(puts(100, 101, 102), 100, 102)), 9) == [
        Batch(CLASS, 102, 103, entries(102))
    ]


def test_holes_are_passed_at_the_start_in_the_middle_and_at_the_end() -> None:
    """Compaction removes records, and leaves batches with none of theirs: the end tells how far it was."""
    data = stored(puts(102), 100, 104) + stored({}, 105, 106) + stored(puts(107), 107, 108)

    assert taken(Fetched(CLASS, 90, data), 9) == [Batch(CLASS, 90, 109, entries(102, 107))]
    assert [(batch.start, batch.end) for batch in taken(Fetched(CLASS, 90, data), 1)] == [
        (90, 103),
        (103, 108),
        (108, 109),
    ]


def test_what_is_no_business_of_a_class_is_passed() -> None:
    """The journal's name and what strangers have written take offsets, and make no entries."""
    data = stored({100: name_record(b"id"), 101: Keyed(b"by nobody", b"of us"), **puts(102)}, 100, 102)

    assert taken(Fetched(CLASS, 100, data), 9) == [Batch(CLASS, 100, 103, entries(102))]


def test_half_a_batch_is_left_for_the_next_fetch() -> None:
    """A broker may cut off the last batch anywhere."""
    second = stored(puts(103), 103, 103)

    for length in (0, 5, len(second) - 1):
        data = stored(puts(100), 100, 102) + second[:length]
        assert taken(Fetched(CLASS, 100, data), 9) == [Batch(CLASS, 100, 103, entries(100))]


def test_append_times_are_the_brokers() -> None:
    """Each record has the time that its batch was stamped with."""
    batch = bytearray(stored({100: tombstone_record(PUTS[0].key)}, 100, 100))
    batch[21:23] = struct.pack(">h", 1 << 3)
    batch[35:43] = struct.pack(">q", 12345)
    batch[CRC] = struct.pack(">I", _crc(bytes(batch[21:])))

    assert Fetched(CLASS, 100, bytes(batch)).take(1).entries == [Entry(100, 12345, a_tombstone(PUTS[0]))]


def test_a_record_of_another_version_is_not_passed_over() -> None:
    """It may be a put: what comes before it is taken, and it is met again and again."""
    newer = put_record(PUTS[1])
    assert newer.value is not None
    data = stored({**puts(100), 101: Keyed(newer.key, b"\xff" + newer.value[1:]), **puts(102)}, 100, 102)

    for limit in (1, 9):
        fetched = Fetched(CLASS, 100, data)
        assert fetched.take(limit).end == 101
        for again in (fetched, fetched, Fetched(CLASS, 101, data)):
            assert not again.is_empty
            with pytest.raises(JournalMismatchError):
                again.take(limit)


def test_a_corrupt_batch_is_refused() -> None:
    """A bit that has changed on the way, or on a disk, is noticed before anything is made of it."""
    batch = bytearray(stored(puts(100), 100, 100))
    batch[-3] ^= 1

    with pytest.raises(CorruptRecordException):
        Fetched(CLASS, 100, bytes(batch)).take(1)


def test_nothing_is_there_up_to_the_beginning() -> None:
    """From 0 to where the log begins by now."""
    assert taken(Fetched.nothing(CLASS, 0, 50), 9) == [Batch(CLASS, 0, 50, [])]
