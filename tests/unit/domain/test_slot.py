"""Slots: which are tried and in which order, the epochs of claims, and how long a lease is sure."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.domain.slot import SLOTS, Lease, Occupancy, SlotFacts, SlotSight, Survey, candidates, next_epoch
from tests.builders import NOW_MS

occupancies = st.lists(st.sampled_from(Occupancy), min_size=SLOTS, max_size=SLOTS)
instants = st.floats(min_value=0, max_value=1e9)


def facts_of(seen: list[Occupancy]) -> list[SlotFacts]:
    return [SlotFacts(slot, occupancy) for slot, occupancy in enumerate(seen)]


def as_they_are(facts: list[SlotFacts]) -> None:
    """A shuffle that does not."""


def test_free_views_are_tried_before_the_dead_before_the_empty_and_the_held_never() -> None:
    seen = [Occupancy.HELD, Occupancy.FREE_EMPTY, Occupancy.DEAD, Occupancy.FREE_WITH_VIEW]

    assert candidates(facts_of(seen), as_they_are) == [3, 2, 1]


def test_no_slot_is_tried_when_all_are_held() -> None:
    assert candidates(facts_of([Occupancy.HELD] * SLOTS), as_they_are) == []


@given(occupancies, st.randoms())
def test_each_slot_that_is_not_held_is_tried_once_and_the_best_first(seen: list[Occupancy], chance: Random) -> None:
    facts = facts_of(seen)
    tries = candidates(facts, chance.shuffle)

    assert sorted(tries) == [slot for slot, occupancy in enumerate(seen) if occupancy is not Occupancy.HELD]
    assert [seen[slot] for slot in tries] == sorted(seen[slot] for slot in tries)
    assert facts == facts_of(seen), "what was seen is left as it was"


def test_equals_come_in_the_order_of_the_shuffle() -> None:
    seen = [Occupancy.FREE_EMPTY, Occupancy.DEAD, Occupancy.FREE_EMPTY, Occupancy.DEAD]

    assert candidates(facts_of(seen), list.reverse) == [3, 1, 2, 0]


FREE = SlotSight(leased=False, holds_view=False, connected=False)
WITH_VIEW = FREE._replace(holds_view=True)
ALIVE = SlotSight(leased=True, holds_view=True, connected=True)
SILENT = ALIVE._replace(connected=False)


def test_what_is_seen_of_a_slot_says_how_it_is_occupied() -> None:
    survey = Survey((FREE, WITH_VIEW, ALIVE, SILENT, SILENT), up_s=100)

    assert [fact.occupancy for fact in survey.facts(dead=frozenset({4}))] == [
        Occupancy.FREE_EMPTY,
        Occupancy.FREE_WITH_VIEW,
        Occupancy.HELD,
        Occupancy.HELD,
        Occupancy.DEAD,
    ]
    assert [fact.slot for fact in survey.facts()] == [0, 1, 2, 3, 4]


def test_a_lease_without_a_connection_is_suspect_once_all_had_time_to_come_back() -> None:
    """Design 5: when Redis has just started nobody is connected, and every holder lives."""
    assert Survey((FREE, ALIVE, SILENT), up_s=10).suspects(lease_ttl_s=10) == {2}
    assert Survey((FREE, ALIVE, SILENT), up_s=9.9).suspects(lease_ttl_s=10) == frozenset()


def test_the_first_claim_of_a_database_takes_its_epoch_from_the_time() -> None:
    assert next_epoch(NOW_MS, None) == NOW_MS


@given(st.lists(st.integers(min_value=0), min_size=1))
def test_epochs_grow_whatever_the_time_does(times_ms: list[int]) -> None:
    epochs: list[int] = []
    for now_ms in times_ms:
        epochs.append(next_epoch(now_ms, epochs[-1] if epochs else None))

    assert all(epoch < later for epoch, later in pairwise(epochs))
    assert all(epoch >= now_ms for epoch, now_ms in zip(epochs, times_ms, strict=True))


def test_a_lease_is_sure_for_its_ttl_after_the_claim_was_sent() -> None:
    lease = Lease(ttl_s=10, claimed=100)

    assert lease.is_sure(109.9)
    assert not lease.is_sure(110)


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    lease = Lease(ttl_s=10, claimed=100)
    lease.renewed(sent=105)

    assert lease.is_sure(114.9)
    assert not lease.is_sure(115)


@given(instants, st.lists(instants), st.floats(min_value=1, max_value=300))
def test_it_is_sure_until_the_ttl_after_its_latest_renewal(claimed: float, renewals: list[float], ttl_s: float) -> None:
    """Answers to renewals may come in any order; an early one that comes late takes nothing back."""
    lease = Lease(ttl_s, claimed)
    for sent in renewals:
        lease.renewed(sent)

    assert lease.sure_until == max([claimed, *renewals]) + ttl_s
    assert not lease.is_sure(lease.sure_until)
