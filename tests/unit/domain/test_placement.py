"""The placement rule, by example; its laws are in tests/properties/test_placement.py."""

from collections import Counter

import pytest

from factorsvc.domain.placement import Member, assign, of_largest_epoch, place
from tests.builders import a_member


def test_nobody_alive_is_the_empty_placement() -> None:
    assert place([], classes=61) == {}


def test_a_lone_member_is_given_everything() -> None:
    assert place([a_member(7)], classes=61) == dict.fromkeys(range(61), 7)


def test_more_members_than_classes_hold_one_class_or_none() -> None:
    assert sorted(Counter(place([a_member(slot) for slot in range(16)], classes=3).values()).values()) == [1, 1, 1]


def test_a_newcomer_is_given_its_share_and_the_others_keep_theirs() -> None:
    members = [a_member(0, serving=range(31)), a_member(1, serving=range(31, 61)), a_member(2)]
    placement = place(members, classes=61)

    assert Counter(placement.values())[2] == 20
    assert all(placement[class_id] in {0, 2} for class_id in range(31))
    assert all(placement[class_id] in {1, 2} for class_id in range(31, 61))


@pytest.mark.parametrize(
    "members",
    [
        [a_member(0, restoring=[0], serving=[1]), a_member(1, serving=[0], restoring=[1])],
        [a_member(0, retiring=[0], serving=[1]), a_member(1, serving=[0], retiring=[1])],
        [a_member(0, retiring=[0], restoring=[1]), a_member(1, restoring=[0], retiring=[1])],
    ],
    ids=["serving before restoring", "serving before retiring", "restoring before retiring"],
)
def test_of_two_that_hold_a_class_the_one_whose_view_is_further_keeps_it(members: list[Member]) -> None:
    assert place(members, classes=2) == {0: 1, 1: 0}


def test_one_move_is_worse_than_any_number_of_preferences() -> None:
    members = [a_member(0, retiring=[0, 1]), a_member(1, serving=[0, 1], retiring=[2, 3])]

    assert place(members, classes=4) == {0: 0, 1: 0, 2: 1, 3: 1}


def test_a_class_named_twice_by_a_member_counts_as_far_as_it_is_furthest() -> None:
    members = [a_member(0, serving=[0], restoring=[0, 1], retiring=[0]), a_member(1, restoring=[0, 1])]

    assert place(members, classes=2) == {0: 0, 1: 1}


def test_greedy_would_move_here() -> None:
    """Class 0, dealt first and to the lower slot, would take the seat that class 1 alone needs."""
    members = [a_member(0, serving=[0, 1]), a_member(1, serving=[0])]

    assert place(members, classes=2) == {0: 1, 1: 0}


def test_classes_that_do_not_exist_are_passed_over() -> None:
    assert place([a_member(0, serving=[61, 99]), a_member(1)], classes=2).keys() == {0, 1}


def test_a_woken_zombie_is_given_nothing_and_its_view_does_not_count() -> None:
    zombie, holder = a_member(0, epoch=1, serving=[0]), a_member(0, epoch=2, serving=[1])
    other = a_member(1)

    assert of_largest_epoch([holder, other, zombie]) == [holder, other]
    assert place([zombie, holder, other], classes=2) == {0: 1, 1: 0}


def test_members_that_count_come_by_slot() -> None:
    assert [member.slot for member in of_largest_epoch([a_member(2), a_member(0), a_member(1)])] == [0, 1, 2]


@pytest.mark.parametrize(
    ("cost", "columns"),
    [
        ([], []),
        ([[5]], [0]),
        ([[1, 2], [1, 3]], [1, 0]),
        ([[4, 1, 3], [2, 0, 5], [3, 2, 2]], [1, 0, 2]),
    ],
)
def test_an_assignment_costs_the_least_in_all(cost: list[list[int]], columns: list[int]) -> None:
    assert assign(cost) == columns
