"""Cluster time out of samples."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factorsvc.domain.cluster_clock import DRIFT, ClusterClockEstimate, SampledClock
from factorsvc.domain.errors import NotReadyError
from tests.builders import NOW_MS


class Instant:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_known_before_the_first_sample() -> None:
    assert ClusterClockEstimate().at_ms(0.0) is None
    with pytest.raises(NotReadyError):
        SampledClock(Instant()).now_ms()


def test_one_sample_is_right_to_half_its_round_trip() -> None:
    estimate = ClusterClockEstimate()
    estimate.sample(NOW_MS, sent=10.0, received=11.0)
    assert estimate.at_ms(11.0) == pytest.approx(NOW_MS + 500, abs=1000 * DRIFT)
    assert estimate.at_ms(13.0) == pytest.approx(NOW_MS + 2500, abs=1000 * DRIFT)


def test_a_slow_answer_spoils_nothing_that_a_fast_one_taught() -> None:
    estimate = ClusterClockEstimate()
    estimate.sample(NOW_MS, sent=10.0, received=10.0)
    estimate.sample(NOW_MS + 1000, sent=11.0, received=15.0)
    assert estimate.at_ms(15.0) == pytest.approx(NOW_MS + 5000, abs=5 * 1000 * DRIFT)


def test_a_sample_that_contradicts_counts_alone() -> None:
    """The server's clock was set: what was known before is of no use, and is not averaged in."""
    estimate = ClusterClockEstimate()
    estimate.sample(NOW_MS, sent=10.0, received=10.0)
    estimate.sample(NOW_MS + 60_000, sent=11.0, received=11.0)
    assert estimate.at_ms(11.0) == NOW_MS + 60_000


def test_the_clock_stands_still_rather_than_go_back() -> None:
    instant = Instant()
    clock = SampledClock(instant)
    clock.sample(NOW_MS, sent=0.0, received=0.0)
    assert clock.now_ms() == NOW_MS
    clock.sample(NOW_MS - 1000, sent=0.0, received=0.0)
    assert clock.now_ms() == NOW_MS
    instant.now = 0.9
    assert clock.now_ms() == NOW_MS
    instant.now = 1.5
    assert clock.now_ms() == NOW_MS + 500


answers = st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.floats(0, 30)), min_size=1, max_size=20)


@given(answers, st.floats(-1, 1))
@example([(0.0, 2.0, 0.0), (0.0, 0.5, 0.0)], 1.0)
def test_the_estimate_is_never_further_off_than_the_bounds_of_the_last_sample(
    delays: list[tuple[float, float, float]], drift: float
) -> None:
    """Whatever the delays, and a drift within `DRIFT`: the error is at most half the latest round trip."""
    rate = 1 + drift * DRIFT
    estimate, instant = ClusterClockEstimate(), 0.0
    for there, back, pause in delays:
        sent = instant
        stamp_ms = NOW_MS + (sent + there) * 1000 * rate
        instant = sent + there + back
        estimate.sample(stamp_ms, sent, instant)
        guess = estimate.at_ms(instant)
        assert guess is not None
        assert abs(guess - (NOW_MS + instant * 1000 * rate)) <= (there + back) * 500 * (1 + DRIFT) + 0.01
        instant += pause


@given(answers)
def test_the_estimate_is_as_good_as_the_best_of_recent_samples(delays: list[tuple[float, float, float]]) -> None:
    """Without drift the error is at most half of the fastest round trip so far, and what a drift might have added."""
    estimate, instant, started = ClusterClockEstimate(), 0.0, None
    fastest = float("inf")
    for there, back, pause in delays:
        sent, instant = instant, instant + there + back
        estimate.sample(NOW_MS + (sent + there) * 1000, sent, instant)
        started = instant if started is None else started
        fastest = min(fastest, there + back)
        guess = estimate.at_ms(instant)
        assert guess is not None
        aged = (instant - started + fastest) * 1000 * DRIFT
        assert abs(guess - (NOW_MS + instant * 1000)) <= fastest * 500 + aged + 0.01
        instant += pause
