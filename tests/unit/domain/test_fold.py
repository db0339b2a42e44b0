"""The fold, by example; its laws are in tests/properties/test_fold.py."""

import pytest

from factorsvc.domain.fold import Folded, Step, fold, fold_entry, is_void
from tests.builders import NOW_MS, a_present, a_put, a_tombstone, a_void_entry, an_entry, present_of


@pytest.mark.parametrize(("late_ms", "void"), [(-1, False), (0, False), (1, True)])
def test_a_put_is_void_from_the_moment_after_its_last(late_ms: int, void: bool) -> None:
    assert is_void(a_put(append_by_ms=NOW_MS), NOW_MS + late_ms) is void


def test_the_first_put_of_a_value_is_its_state() -> None:
    put = a_put(expires_at_ms=NOW_MS + 300_000)

    assert fold_entry(None, an_entry(put)) == Step(present_of(put), died=None)


def test_a_later_put_supersedes_the_one_before() -> None:
    before, put = a_present(expires_at_ms=NOW_MS + 1), a_put()

    assert fold_entry(before, an_entry(put)) == Step(present_of(put), died=before.key)


def test_a_put_that_has_expired_already_supersedes_all_the_same() -> None:
    before, put = a_present(), a_put(expires_at_ms=NOW_MS - 1)

    assert fold_entry(before, an_entry(put)) == Step(present_of(put), died=before.key)


def test_the_present_put_read_again_does_not_supersede_itself() -> None:
    put = a_put()

    assert fold_entry(present_of(put), an_entry(put)) == Step(present_of(put), died=None)


def test_a_void_put_leaves_the_value_as_it_was_and_is_dead_at_once() -> None:
    present, put = a_present(), a_put()

    assert fold_entry(present, a_void_entry(put)) == Step(present, died=put.key)
    assert fold_entry(None, a_void_entry(put)) == Step(None, died=put.key)


def test_the_tombstone_of_the_present_put_removes_the_value() -> None:
    present = a_present()

    assert fold_entry(present, an_entry(a_tombstone(present))) == Step(None, died=None)


def test_the_tombstone_of_another_put_changes_nothing() -> None:
    present, tombstone = a_present(), a_tombstone(a_put())

    assert fold_entry(present, an_entry(tombstone)) == Step(present, died=None)
    assert fold_entry(None, an_entry(tombstone)) == Step(None, died=None)


def test_a_run_of_entries_reports_values_with_another_state_and_the_dead_in_order() -> None:
    kept, replaced, removed = a_present(2), a_present(3), a_present(4)
    first, second, late = a_put(3), a_put(3), a_put(2)

    folded = fold(
        {2: kept, 3: replaced, 4: removed},
        [an_entry(first), a_void_entry(late), an_entry(a_tombstone(removed)), an_entry(second)],
    )

    assert folded == Folded(changed={3: present_of(second), 4: None}, died=(replaced.key, late.key, first.key))


def test_a_value_that_comes_and_goes_within_the_run_has_not_changed() -> None:
    put = a_put()

    assert fold({}, [an_entry(put), an_entry(a_tombstone(put))]) == Folded(changed={}, died=())
