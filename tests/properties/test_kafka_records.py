"""The laws of the journal's records: what is written is read again as it was, and nothing else is taken for it."""

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factorsvc.adapters.kafka.records import (
    VERSION,
    JournalName,
    UnreadableError,
    name_record,
    put_record,
    record_in,
    tombstone_record,
)
from factorsvc.domain.record import PUT_ID_BYTES, Put, PutKey, Tombstone
from factorsvc.domain.value import FactoredValue
from tests.builders import a_put

TIMES_MS = st.integers(0, 2**63 - 1)
put_ids = st.binary(min_size=PUT_ID_BYTES, max_size=PUT_ID_BYTES)
keys = st.builds(PutKey, st.integers(1, 2**1024), put_ids)


@st.composite
def puts(draw: st.DrawFn) -> Put:
    """Any put: what its factors are is not for the codec to judge."""
    value, put_id = draw(keys)
    factors = draw(st.lists(st.integers(2, 2**256), max_size=6))
    member = FactoredValue(value, tuple(factors)).member
    return Put(value, put_id, member, draw(st.none() | TIMES_MS), draw(TIMES_MS))


@given(puts())
def test_a_put_is_read_as_it_was_written(put: Put) -> None:
    """Every byte of a put_id and every time, that of 1 without factors too."""
    assert record_in(*put_record(put)) == put


@given(keys)
@example(PutKey(1, b"\n" * PUT_ID_BYTES))
@example(PutKey(7, b":" * PUT_ID_BYTES))
def test_a_tombstone_is_read_as_it_was_written(key: PutKey) -> None:
    """It names the very put, whatever its id."""
    assert record_in(*tombstone_record(key)) == Tombstone(*key)


@given(puts())
def test_a_tombstone_has_the_key_of_its_put(put: Put) -> None:
    """So compaction keeps only the tombstone of the two (design 6)."""
    assert tombstone_record(put.key).key == put_record(put).key


@given(keys, keys)
def test_two_puts_never_share_a_key(one: PutKey, other: PutKey) -> None:
    """Or compaction would eat one of them."""
    assert (tombstone_record(one).key == tombstone_record(other).key) == (one == other)


@given(st.binary(max_size=40))
def test_a_name_is_read_as_it_was_written_and_is_no_tombstone(journal_id: bytes) -> None:
    """Whatever the id; and its value is not null, so that it stays."""
    record = name_record(journal_id)

    assert record_in(*record) == JournalName(journal_id)
    assert record.value is not None


@given(st.none() | st.binary(max_size=60), st.none() | st.binary(max_size=60))
@example(b"120", b"")
@example(b"0:" + bytes(PUT_ID_BYTES), None)
@example(b"012:" + bytes(PUT_ID_BYTES), None)
@example(b"journal:x", None)
@example(b"9" * 5_000 + b":" + bytes(PUT_ID_BYTES), None)
def test_what_somebody_else_wrote_is_nothing(key: bytes | None, value: bytes | None) -> None:
    """No bytes but those that are written here have a meaning, and any can be looked at."""
    try:
        found = record_in(key, value)
    except UnreadableError:
        return
    match found:
        case Put():
            assert put_record(found) == (key, value)
        case Tombstone():
            assert tombstone_record(PutKey(*found)) == (key, value)
        case JournalName(journal_id):
            assert name_record(journal_id).key == key
        case None:
            pass


@pytest.mark.parametrize(
    "value", [b"", b"\x01", bytes([VERSION + 1]) + bytes(16) + b"2,3", bytes([VERSION]) + bytes(16) + b"2;3"]
)
def test_what_may_be_a_put_of_a_newer_version_is_not_passed_over(value: bytes) -> None:
    """Under a key of ours it would be lost: who cannot read it says so, and of which value (P5)."""
    with pytest.raises(UnreadableError) as unreadable:
        record_in(put_record(a_put(120)).key, value)

    assert unreadable.value.value == 120


def test_a_put_is_compact() -> None:
    """Little more than its member and its id: a million of them are read when a class is loaded."""
    put = a_put(Random(1).getrandbits(32))
    key, value = put_record(put)

    assert len(key) + len(value or b"") <= len(put.member) + PUT_ID_BYTES + 17
