"""What is written under the keys of a slot comes back as it was, and no two things share a key or look alike."""

from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from factorsvc.adapters.redis.layout import (
    Layout,
    field_of,
    live_members,
    loading_among,
    loading_in,
    loading_text,
    position_in,
    position_text,
    positions_in,
    present_in,
    present_text,
    score_of,
)
from factorsvc.domain.record import PUT_ID_BYTES, Present
from factorsvc.domain.restoration import Position
from factorsvc.domain.slot import SLOTS
from factorsvc.domain.value import FactoredValue
from tests.builders import NOW_MS, a_member_text, a_position, a_present


class Thing(NamedTuple):
    """What has a key."""

    kind: str
    slot: int
    class_id: int
    prime: int


def key_of(thing: Thing) -> bytes:
    layout = Layout(thing.slot)
    match thing.kind:
        case "lease":
            return layout.lease
        case "view":
            return layout.view
        case "values":
            return layout.values(thing.class_id)
        case "hints":
            return layout.hints(thing.class_id)
        case _:
            return layout.index(field_of(thing.prime), thing.class_id)


slots = st.integers(0, SLOTS - 1)
classes = st.integers(0, 60)
primes = st.sampled_from([2, 3, 11, 2**127 - 1])
none = st.just(0)
things = st.one_of(
    st.builds(Thing, st.sampled_from(["lease", "view"]), slots, none, none),
    st.builds(Thing, st.sampled_from(["values", "hints"]), slots, classes, none),
    st.builds(Thing, st.just("index"), slots, classes, primes),
)
load_ids = st.binary(max_size=16)
times = st.integers(0, 1 << 50)
positions = st.builds(Position, load_ids, st.integers(0, 1 << 62), times)
values = st.one_of(st.integers(1, 10_000), st.integers(1, 1 << 256))
members = st.builds(FactoredValue, values, st.lists(primes, max_size=9).map(tuple)).map(lambda value: value.member)
presents = st.builds(
    lambda member, put_id, expires_at_ms: Present(int(member.split(b" ")[0]), put_id, member, expires_at_ms),
    members,
    st.binary(max_size=PUT_ID_BYTES),
    st.none() | times,
)


def test_keys_are_those_of_the_design() -> None:
    layout = Layout(3)
    assert (layout.lease, layout.view) == (b"s3:lease", b"s3:view")
    assert (layout.values(7), layout.hints(7), layout.index(b"5", 7)) == (b"s3:v:7", b"s3:x:7", b"s3:p:5:7")


@given(things, things)
def test_no_two_things_share_a_key_nor_two_slots_a_prefix(one: Thing, other: Thing) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)
    assert key_of(one).startswith(b"s%d:" % one.slot)


@given(positions)
@example(Position(b"loading 1", 0, 0))
@example(Position(b" 1 2 ", 0, 0))
def test_a_position_comes_back(position: Position) -> None:
    text = position_text(position)
    assert (position_in(text), loading_in(text)) == (position, None)


@given(load_ids)
@example(b"1 2 3")
def test_a_load_under_way_comes_back_and_is_no_position(load_id: bytes) -> None:
    text = loading_text(load_id)
    assert (position_in(text), loading_in(text)) == (None, load_id)


def test_what_a_view_says_of_several_classes() -> None:
    texts = [position_text(a_position()), None, loading_text(b"load")]
    assert positions_in([4, 2, 9], texts) == {4: a_position()}
    assert loading_among([4, 2, 9], texts) == {9: b"load"}


@given(presents)
@example(a_present(1, expires_at_ms=0))
@example(a_present(6, put_id=b" - \r\n"))
def test_a_state_comes_back(present: Present) -> None:
    assert present_in(field_of(present.value), present_text(present)) == present


def test_a_score_is_the_expiry() -> None:
    assert score_of(a_present(6)) == b"+inf"
    assert score_of(a_present(6, expires_at_ms=NOW_MS)) == NOW_MS


def test_what_has_expired_is_not_live_and_nothing_is_live_twice() -> None:
    scanned = [a_member_text(6), b"inf", a_member_text(12), b"%d" % NOW_MS, a_member_text(6), b"inf"]
    scanned += [a_member_text(18), b"%d" % (NOW_MS + 1)]
    assert list(live_members(scanned, NOW_MS)) == [a_member_text(6), a_member_text(18)]
    assert list(live_members(scanned, NOW_MS - 1)) == [a_member_text(6), a_member_text(12), a_member_text(18)]
