"""Applying batches to a view, by example; the laws are in tests/properties/test_applying.py."""

import pytest

from factorsvc.domain.applying import Verification, apply_batches, portions, verified
from factorsvc.domain.record import Batch
from factorsvc.domain.restoration import Position
from tests.builders import NOW_MS, a_batch, a_position, a_present, a_put, a_snapshot, an_entry, present_of

LOADED = a_position(load_id=b"load", next_offset=10)


def a_run(start: int, end: int, class_id: int = 0) -> Batch:
    """A batch with an entry at each offset."""
    return a_batch([an_entry(offset=offset) for offset in range(start, end)], start=start, class_id=class_id)


def test_a_batch_changes_values_and_sets_the_position_forward() -> None:
    before, put = a_present(), a_put()
    applied = apply_batches(
        a_snapshot(positions={0: LOADED}, presents=[before]), [a_batch([an_entry(put, offset=10)])], {0: b"load"}, {}
    )

    assert applied.change.presents == {put.value: present_of(put)}
    assert applied.change.positions == {0: LOADED._replace(next_offset=11)}
    assert applied.died == (before.key,)
    assert applied.doubtful == set()


def test_records_below_the_stored_position_are_passed_over() -> None:
    old, new = a_put(2), a_put(3)
    batch = a_batch([an_entry(old, offset=9), an_entry(new, offset=10)])
    applied = apply_batches(a_snapshot(positions={0: LOADED}), [batch], {0: b"load"}, {})

    assert applied.change.presents.keys() == {3}


def test_a_batch_that_was_applied_before_changes_nothing() -> None:
    applied = apply_batches(a_snapshot(positions={0: LOADED}), [a_run(8, 10)], {0: b"load"}, {})

    assert (applied.change.presents, applied.change.positions) == ({}, {})
    assert applied.doubtful == set()


def test_a_batch_without_entries_sets_the_position_forward() -> None:
    applied = apply_batches(a_snapshot(positions={0: LOADED}), [a_batch(start=10, end=13)], {0: b"load"}, {})

    assert applied.change.positions == {0: LOADED._replace(next_offset=13)}


@pytest.mark.parametrize(
    ("positions", "load_ids"),
    [
        pytest.param({}, {0: b"load"}, id="no view of the class"),
        pytest.param({0: LOADED}, {0: b"another"}, id="another view of the class"),
        pytest.param({0: LOADED}, {}, id="no view was read for"),
        pytest.param({0: LOADED._replace(next_offset=9)}, {0: b"load"}, id="a hole before the batch"),
    ],
)
def test_a_class_in_doubt_is_reported_and_left_as_it_is(
    positions: dict[int, Position], load_ids: dict[int, bytes]
) -> None:
    snapshot = a_snapshot(positions={1: LOADED} | positions)
    applied = apply_batches(snapshot, [a_run(10, 12), a_run(10, 11, class_id=1)], {1: b"load"} | load_ids, {})

    assert applied.doubtful == {0}
    assert applied.change.positions.keys() == {1}


def test_a_position_that_has_reached_an_end_is_verified_as_of_when_it_was_asked_for() -> None:
    snapshot = a_snapshot(positions={0: LOADED})
    verification = Verification(taken_ms=NOW_MS + 7, end=12)

    reached = apply_batches(snapshot, [a_run(10, 12)], {0: b"load"}, {0: verification})
    assert reached.change.positions[0].verified_at_ms == NOW_MS + 7

    behind = apply_batches(snapshot, [a_run(10, 11)], {0: b"load"}, {0: verification})
    assert behind.change.positions[0].verified_at_ms == NOW_MS


@pytest.mark.parametrize(
    ("verification", "verified_at_ms"),
    [
        (None, NOW_MS),
        (Verification(NOW_MS + 7, end=11), NOW_MS),
        (Verification(NOW_MS + 7, end=10), NOW_MS + 7),
        (Verification(NOW_MS + 7, end=9), NOW_MS + 7),
        (Verification(NOW_MS - 7, end=9), NOW_MS),
    ],
)
def test_the_time_of_verification_is_set_forward_only(verification: Verification | None, verified_at_ms: int) -> None:
    assert verified(LOADED, verification) == LOADED._replace(verified_at_ms=verified_at_ms)


def test_batches_are_cut_where_a_portion_is_full() -> None:
    batches = [a_run(0, 3, class_id=0), a_run(5, 10, class_id=1), a_batch(start=4, end=9, class_id=2)]

    assert list(portions(batches, limit=4)) == [
        [batches[0], batches[1]._replace(end=6, entries=batches[1].entries[:1])],
        [batches[1]._replace(start=6, entries=batches[1].entries[1:]), batches[2]],
    ]


def test_no_batches_are_no_portion() -> None:
    assert list(portions([], limit=4)) == []
