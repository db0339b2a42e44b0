"""Compaction forgets what Kafka's may forget, and nothing else."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.memory.compaction import JournalId, JournalRecord, compacted, without_old_tombstones
from factorsvc.adapters.memory.partition import Partition, Stored
from factorsvc.domain.record import PutKey, Tombstone
from tests.builders import NOW_MS, a_put, a_put_id, a_tombstone

A, B, C = (a_put(value, put_id=a_put_id(number)) for value, number in ((1, 1), (1, 2), (2, 3)))
RECORDS: list[JournalRecord] = [
    A,
    B,
    C,
    a_tombstone(A),
    a_tombstone(B),
    a_tombstone(C),
    JournalId(b"one"),
    JournalId(b"two"),
]

logs = st.lists(st.sampled_from(RECORDS), max_size=12)


def a_log(records: Sequence[JournalRecord]) -> list[Stored[JournalRecord]]:
    """A log of these records, one each ms."""
    partition = Partition[JournalRecord]()
    for number, record in enumerate(records):
        partition.append([record], NOW_MS + number)
    return list(partition.records)


def key_of(stored: Stored[JournalRecord]) -> object:
    record = stored.record
    return record if isinstance(record, JournalId) else PutKey(record.value, record.put_id)


def last_of_each_key(log: Sequence[Stored[JournalRecord]]) -> dict[object, JournalRecord]:
    return {key_of(stored): stored.record for stored in log}


def records_of(log: Sequence[Stored[JournalRecord]]) -> list[JournalRecord]:
    return [stored.record for stored in log]


def test_whole_log() -> None:
    log = a_log([A, B, C, a_tombstone(A), a_tombstone(C), JournalId(b"one"), a_tombstone(C)])

    kept = compacted(log, 7, 7, NOW_MS)

    assert [stored.offset for stored in kept] == [1, 3, 5, 6]
    assert records_of(kept) == [B, a_tombstone(A), JournalId(b"one"), a_tombstone(C)]


def test_prefix_whose_records_are_buried_behind_it() -> None:
    log = a_log([A, C, a_tombstone(A), a_tombstone(C)])

    assert records_of(compacted(log, 2, 3, NOW_MS)) == [C, a_tombstone(A), a_tombstone(C)]
    assert records_of(compacted(log, 2, 4, NOW_MS)) == [a_tombstone(A), a_tombstone(C)]
    assert records_of(compacted(log, 4, 2, NOW_MS)) == records_of(log)


@given(logs, st.integers(0, 12), st.integers(0, 12))
def test_only_what_has_a_successor_goes(records: list[JournalRecord], below: int, seen_below: int) -> None:
    """A record goes exactly if it is below the one point and a later one of its key is below the other."""
    log = a_log(records)

    kept = compacted(log, below, seen_below, NOW_MS)

    def has_successor(stored: Stored[JournalRecord]) -> bool:
        later = [other for other in log if stored.offset < other.offset < seen_below]
        return any(key_of(other) == key_of(stored) for other in later)

    gone = [stored for stored in log if stored.offset < below and has_successor(stored)]
    assert [stored.offset for stored in kept] == [stored.offset for stored in log if stored not in gone]


passes = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 20), st.booleans()), max_size=6)


@given(logs, passes)
def test_nothing_buried_comes_back(records: list[JournalRecord], cleanings: list[tuple[int, int, int, bool]]) -> None:
    """However a log is cleaned: the last record of a key stays the last, or was a tombstone and none is left."""
    log = a_log(records)
    before = last_of_each_key(log)
    now_ms = NOW_MS
    for below, seen_below, passed_ms, drops in cleanings:
        now_ms += passed_ms
        log = without_old_tombstones(log, now_ms - 10) if drops else compacted(log, below, seen_below, now_ms)

    after = last_of_each_key(log)
    assert after == {key: before[key] for key in after}
    assert all(isinstance(before[key], Tombstone) for key in before.keys() - after.keys())


def test_tombstone_waits_for_its_retention_from_its_first_compaction_on() -> None:
    log = a_log([A, a_tombstone(A)])

    assert records_of(without_old_tombstones(log, NOW_MS + 1_000)) == [A, a_tombstone(A)]
    log = compacted(log, 2, 2, NOW_MS + 50)
    log = compacted(log, 2, 2, NOW_MS + 70)
    assert records_of(without_old_tombstones(log, NOW_MS + 49)) == [a_tombstone(A)]
    assert without_old_tombstones(log, NOW_MS + 50) == []


def test_tombstone_behind_the_cleaned_part_begins_to_wait_later() -> None:
    log = compacted(a_log([A, a_tombstone(A)]), 1, 2, NOW_MS)

    assert records_of(without_old_tombstones(log, NOW_MS + 1_000)) == [a_tombstone(A)]


def test_tombstone_with_its_put_before_it_stays() -> None:
    put, tombstone = a_log([A, a_tombstone(A)])
    old = tombstone._replace(compacted_at_ms=NOW_MS)

    assert without_old_tombstones([put, old], NOW_MS) == [put, old]
    assert without_old_tombstones([old, old], NOW_MS) == []
