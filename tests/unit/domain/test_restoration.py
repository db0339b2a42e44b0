"""When a view is worthless, and the cold load, by example; its laws are in tests/properties/test_restoration.py."""

import pytest

from factorsvc.domain.restoration import ColdLoad, Worthless, judge
from tests.builders import NOW_MS, a_batch, a_position, a_put, a_tombstone, a_void_entry, an_entry, present_of

RETENTION_MS = 86_400_000
HALF_MS = RETENTION_MS // 2


def a_cold_load() -> ColdLoad:
    return ColdLoad(class_id=0, load_id=b"load", started_at_ms=NOW_MS)


@pytest.mark.parametrize(
    ("end", "verified_at_ms", "verdict"),
    [
        pytest.param(11, NOW_MS, None, id="behind the end"),
        pytest.param(10, NOW_MS, None, id="at the end"),
        pytest.param(9, NOW_MS, Worthless.BEYOND, id="beyond the end"),
        pytest.param(10, NOW_MS - HALF_MS, None, id="half the retention old"),
        pytest.param(10, NOW_MS - HALF_MS - 1, Worthless.OLD, id="older"),
        pytest.param(10, NOW_MS + 1, None, id="from a clock that was ahead"),
    ],
)
def test_a_view_may_go_on_from_a_place_in_the_journal_that_it_has_seen_not_long_ago(
    end: int, verified_at_ms: int, verdict: Worthless | None
) -> None:
    position = a_position(next_offset=10, verified_at_ms=verified_at_ms)

    assert judge(position, end, NOW_MS, RETENTION_MS) is verdict


def test_a_class_without_a_position_has_no_view() -> None:
    assert judge(None, end=10, now_ms=NOW_MS, retention_ms=RETENTION_MS) is Worthless.ABSENT


def test_a_cold_load_begins_at_the_beginning_with_nothing() -> None:
    load = a_cold_load()

    assert (load.class_id, load.load_id, load.started_at_ms, load.next_offset) == (0, b"load", NOW_MS, 0)
    assert load.unburied == ()
    assert list(load.chunks(100)) == []


def test_it_goes_on_where_the_batch_ended_even_if_compaction_left_nothing_there() -> None:
    load = a_cold_load()

    assert load.fold(a_batch([an_entry(offset=3)], start=0, end=8))
    assert load.next_offset == 8
    assert load.fold(a_batch(start=8, end=9))
    assert load.next_offset == 9


def test_a_gap_is_refused_and_nothing_of_its_batch_folded() -> None:
    load = a_cold_load()

    assert not load.fold(a_batch([an_entry(offset=1)]))
    assert load.next_offset == 0
    assert list(load.chunks(100)) == []


def test_what_was_read_before_is_passed_over() -> None:
    load, first, second = a_cold_load(), a_put(), a_put()
    load.fold(a_batch([an_entry(first, offset=0), an_entry(second, offset=1)]))

    assert load.fold(a_batch([an_entry(first, offset=0)], end=1))
    assert load.next_offset == 2
    assert list(load.chunks(100)) == [[present_of(second)]]
    assert load.unburied == (first.key,)


def test_the_unburied_are_superseded_and_void_puts_without_a_tombstone_in_the_order_of_death() -> None:
    load = a_cold_load()
    buried, late, superseded, present = (a_put() for _ in range(4))
    records = [
        an_entry(buried, offset=0),
        an_entry(superseded, offset=1),
        a_void_entry(late, offset=2),
        an_entry(a_tombstone(buried), offset=3),
        an_entry(present, offset=4),
    ]

    load.fold(a_batch(records))

    assert load.unburied == (late.key, superseded.key)


def test_a_value_whose_present_put_has_a_tombstone_is_not_loaded() -> None:
    load, put = a_cold_load(), a_put()
    load.fold(a_batch([an_entry(put, offset=0), an_entry(a_tombstone(put), offset=1)]))

    assert list(load.chunks(100)) == []
    assert load.unburied == ()


def test_an_expired_value_is_loaded_for_the_sweeper() -> None:
    load, put = a_cold_load(), a_put(expires_at_ms=NOW_MS - 1)
    load.fold(a_batch([an_entry(put)]))

    assert list(load.chunks(100)) == [[present_of(put)]]


@pytest.mark.parametrize(("size", "sizes"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (5, [5]), (6, [5])])
def test_chunks_are_at_most_as_large_as_wanted(size: int, sizes: list[int]) -> None:
    load = a_cold_load()
    load.fold(a_batch([an_entry(a_put(value), offset=value) for value in range(1, 6)], start=0))

    assert [len(chunk) for chunk in load.chunks(size)] == sizes
