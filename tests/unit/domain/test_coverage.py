"""The coverage of a round, by example; its laws are in tests/properties/test_coverage.py."""

import pytest

from factorsvc.domain.coverage import RETRY_S, SILENCE_S, Coverage
from factorsvc.domain.question import RefusalReason
from tests.builders import a_page, a_refusal, an_answer


def asked(slot: int, *classes: int) -> Coverage:
    """A round of `classes`, for which `slot` was asked at instant 0."""
    coverage = Coverage(classes)
    coverage.asked(slot, classes, at=0)
    return coverage


def test_a_round_without_classes_is_covered() -> None:
    assert Coverage([]).missing == set()


def test_owed_classes_are_asked_of_the_best_of_those_that_serve_them() -> None:
    assert Coverage([0, 1, 2]).plan({0: [7, 3], 1: [3], 2: [7]}, now=0) == {7: [0, 2], 3: [1]}


def test_what_nobody_serves_stays_owed() -> None:
    coverage = Coverage([0, 1])

    assert coverage.plan({1: []}, now=0) == {}
    assert coverage.missing == {0, 1}


def test_what_is_asked_for_is_not_planned_again() -> None:
    assert asked(7, 0).plan({0: [7, 3]}, now=0) == {}


def test_a_class_is_asked_for_until_it_is_answered_or_refused() -> None:
    coverage = asked(7, 0, 1, 2)
    coverage.take(7, an_answer(0), now=0)
    coverage.take(7, a_refusal(1), now=0)

    assert [coverage.is_asked(class_id) for class_id in (0, 1, 2, 3)] == [False, False, True, False]


def test_an_answer_covers_its_class() -> None:
    coverage, answer = asked(7, 0, 1), an_answer(0)
    coverage.take(7, answer, now=0)

    assert coverage.missing == {1}
    assert coverage.answers == {0: (7, answer)}


def test_the_first_answer_counts() -> None:
    coverage, first, second = asked(7, 0), an_answer(0, a_page(2)), an_answer(0, a_page(4))
    coverage.take(3, first, now=0)
    coverage.take(7, second, now=0)

    assert coverage.answers == {0: (3, first)}


def test_a_refusal_of_what_is_answered_changes_nothing() -> None:
    coverage = asked(7, 0)
    coverage.take(7, an_answer(0), now=0)
    coverage.take(3, a_refusal(0), now=0)

    assert coverage.missing == set()


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_refused_class_is_asked_of_another_at_once(reason: RefusalReason) -> None:
    coverage = asked(7, 0)
    coverage.take(7, a_refusal(0, reason), now=0.5)

    assert coverage.plan({0: [7, 3]}, now=0.5) == {3: [0]}


def test_a_lone_refuser_is_asked_again_after_a_while() -> None:
    coverage = asked(7, 0)
    coverage.take(7, a_refusal(0), now=0)

    assert coverage.plan({0: [7]}, now=RETRY_S - 0.01) == {}
    assert coverage.plan({0: [7]}, now=RETRY_S) == {7: [0]}


def test_who_never_refused_comes_before_who_did() -> None:
    coverage = asked(7, 0)
    coverage.take(7, a_refusal(0), now=0)

    assert coverage.plan({0: [7, 3]}, now=RETRY_S) == {3: [0]}


def test_a_refusal_of_one_that_is_not_asked_leaves_the_open_question_alone() -> None:
    coverage = asked(7, 0)
    coverage.take(3, a_refusal(0), now=0)

    assert coverage.plan({0: [7, 3]}, now=RETRY_S) == {}


def test_what_a_lost_slot_was_asked_is_owed_again() -> None:
    coverage = asked(7, 0)
    coverage.asked(3, [0], at=0)
    coverage.lost({7}, now=0)
    assert coverage.plan({0: [7, 3]}, now=0) == {}, "slot 3 has the open question"

    coverage.lost({3}, now=0)
    assert coverage.plan({0: [7, 3]}, now=0) == {7: [0]}


def test_a_slot_that_is_lost_without_an_open_question_has_refused_nothing() -> None:
    coverage = Coverage([0])
    coverage.lost({7}, now=0)

    assert coverage.plan({0: [7]}, now=0) == {7: [0]}


def test_silence_counts_as_a_refusal_after_its_time() -> None:
    coverage = asked(7, 0)

    coverage.silent(SILENCE_S - 0.01)
    assert coverage.plan({0: [7, 3]}, now=SILENCE_S - 0.01) == {}

    coverage.silent(SILENCE_S)
    assert coverage.plan({0: [7, 3]}, now=SILENCE_S) == {3: [0]}


def test_an_answer_after_the_silence_still_counts() -> None:
    coverage, answer = asked(7, 0), an_answer(0)
    coverage.silent(SILENCE_S)
    coverage.asked(3, [0], at=SILENCE_S)
    coverage.take(7, answer, now=SILENCE_S)

    assert coverage.answers == {0: (7, answer)}


def test_what_is_answered_by_the_time_the_question_is_out_is_not_asked_for() -> None:
    coverage = Coverage([0, 1])
    coverage.take(3, an_answer(0), now=0)
    coverage.asked(7, [0, 1], at=0)

    assert coverage.missing == {1}
