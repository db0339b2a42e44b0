"""Broker time as a replica knows it: never ahead of the broker's own, or a put could count after its deadline."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.domain.broker_clock import BrokerClock
from tests.builders import NOW_MS

instants = st.integers(min_value=0, max_value=10_000_000).map(lambda ticks: ticks / 128)
"""Monotonic seconds for a day, in steps that a float holds exactly, and their milliseconds too."""


def test_without_a_sample_no_instant_can_be_translated() -> None:
    assert BrokerClock().at_ms(7.0) is None


def test_the_stamp_is_taken_for_one_made_at_the_acknowledgement() -> None:
    clock = BrokerClock()
    clock.sample(acknowledged=7.0, stamp_ms=NOW_MS)

    assert clock.at_ms(7.0) == NOW_MS
    assert clock.at_ms(8.5) == NOW_MS + 1_500
    assert clock.at_ms(6.0) == NOW_MS - 1_000


def test_the_latest_sample_counts() -> None:
    clock = BrokerClock()
    clock.sample(acknowledged=7.0, stamp_ms=NOW_MS)
    clock.sample(acknowledged=8.0, stamp_ms=NOW_MS)

    assert clock.at_ms(8.0) == NOW_MS


@given(
    zero_ms=st.integers(min_value=NOW_MS, max_value=2 * NOW_MS).map(lambda ms: Fraction(ms) + Fraction(1, 3)),
    append=st.tuples(instants, instants, instants).map(sorted),
    asked=instants,
)
def test_it_is_never_ahead_and_behind_by_a_round_trip_at_most(
    zero_ms: Fraction, append: list[float], asked: float
) -> None:
    """`zero_ms` is true broker time at monotonic instant 0; an append is sent, then stamped, then acknowledged."""

    def true_ms(instant: float) -> Fraction:
        return zero_ms + Fraction(instant) * 1_000

    sent, stamped, acknowledged = append
    clock = BrokerClock()
    clock.sample(acknowledged, stamp_ms=int(true_ms(stamped)))
    known_ms = clock.at_ms(asked)

    assert known_ms is not None
    assert known_ms <= true_ms(asked)
    rounding_ms = 2  # the broker's stamp is whole milliseconds, and so is the answer
    assert known_ms > true_ms(asked) - Fraction(acknowledged - sent) * 1_000 - rounding_ms
