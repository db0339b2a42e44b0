"""The map of who serves what, by example; its laws are in tests/properties/test_cluster_map.py."""

import pytest

from factorsvc.domain.cluster_map import LAPSE_S, ClusterMap
from factorsvc.domain.status import Status
from tests.builders import a_status


def a_map(*statuses: Status, classes: int = 3) -> ClusterMap:
    """A map that has heard `statuses`, all at instant 0."""
    cluster_map = ClusterMap(classes)
    for status in statuses:
        cluster_map.hear(status, read_at=0)
    return cluster_map


def test_nobody_is_known_at_first() -> None:
    cluster_map = a_map()

    assert cluster_map.statuses == []
    assert cluster_map.uncovered() == {0, 1, 2}
    assert cluster_map.full == set()
    assert not cluster_map.staying(but=0)


def test_statuses_come_by_slot() -> None:
    assert [status.slot for status in a_map(a_status(5), a_status(2)).statuses] == [2, 5]


@pytest.mark.parametrize(("epoch", "replaced"), [(8, True), (7, True), (6, False)])
def test_a_status_replaces_one_of_its_slot_whose_epoch_is_not_larger(epoch: int, replaced: bool) -> None:
    known, status = a_status(epoch=7, serving=[0]), a_status(epoch=epoch, serving=[1])

    assert a_map(known, status).statuses == [status if replaced else known]


@pytest.mark.parametrize(("after_s", "replaced"), [(LAPSE_S, True), (LAPSE_S - 0.1, False)])
def test_a_smaller_epoch_counts_once_the_larger_has_lapsed(after_s: float, replaced: bool) -> None:
    larger, smaller = a_status(epoch=7), a_status(epoch=6)
    cluster_map = a_map(larger)
    cluster_map.hear(smaller, read_at=after_s)

    assert cluster_map.statuses == [smaller if replaced else larger]


def test_whoever_is_not_heard_in_time_lapses() -> None:
    cluster_map = a_map(a_status(1), a_status(2))
    cluster_map.hear(a_status(2), read_at=1)

    assert cluster_map.lapse(LAPSE_S - 0.1) == set()
    assert cluster_map.lapse(LAPSE_S) == {1}
    assert [status.slot for status in cluster_map.statuses] == [2]


def test_all_is_forgotten_when_statuses_were_missed() -> None:
    cluster_map = a_map(a_status(1, epoch=7))
    cluster_map.forget()
    cluster_map.hear(a_status(1, epoch=6), read_at=0)

    assert [status.epoch for status in cluster_map.statuses] == [6]


def test_who_stays_is_asked_before_who_retires_the_class_before_who_leaves() -> None:
    cluster_map = a_map(
        a_status(0, serving=[1], leaving=True),
        a_status(1, retiring=[1]),
        a_status(2, serving=[1], retiring=[0]),
        a_status(3, serving=[1]),
        a_status(4, serving=[0], restoring=[1]),
    )

    assert cluster_map.servers_of(1) == [2, 3, 1, 0]


def test_a_class_that_is_being_restored_is_not_served() -> None:
    cluster_map = a_map(a_status(1, serving=[0], restoring=[1]))

    assert cluster_map.serves(1, 0)
    assert not cluster_map.serves(1, 1)
    assert not cluster_map.serves(2, 0), "nobody has heard of slot 2"


def test_a_class_is_uncovered_if_nobody_serves_it_who_stays_and_counts() -> None:
    cluster_map = a_map(a_status(0, serving=[0]), a_status(1, retiring=[1]), a_status(2, serving=[2], leaving=True))

    assert cluster_map.uncovered() == {2}
    assert cluster_map.uncovered(but=[1]) == {1, 2}


def test_all_is_covered_when_each_class_is_served_even_by_those_who_leave() -> None:
    statuses = a_status(0, serving=[0]), a_status(1, retiring=[1]), a_status(2, serving=[2], leaving=True)

    assert a_map(*statuses).covers_all
    assert not a_map(*statuses[1:]).covers_all
    assert not a_map().covers_all


@pytest.mark.parametrize(
    ("statuses", "staying"),
    [
        pytest.param([], False, id="nobody there"),
        pytest.param([a_status(0)], False, id="only oneself"),
        pytest.param([a_status(0), a_status(1, leaving=True)], False, id="the other leaves too"),
        pytest.param([a_status(0, leaving=True), a_status(1)], True, id="the other stays"),
    ],
)
def test_somebody_stays_who_is_another_and_does_not_leave(statuses: list[Status], staying: bool) -> None:
    assert a_map(*statuses).staying(but=0) is staying


def test_full_are_the_slots_that_say_so() -> None:
    assert a_map(a_status(1), a_status(2, full=True), a_status(3, full=True, leaving=True)).full == {2, 3}
