"""A value, its class, and its two texts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factorsvc.domain.value import FactoredValue, class_of, join_members, json_of, primes_of, value_of

values = st.integers(min_value=1)
factored_values = st.builds(FactoredValue, values, st.lists(st.integers(min_value=2)).map(sorted).map(tuple))
"""The texts do not care whether the factors are those of the value, nor how many digits there are."""


@pytest.mark.parametrize(
    ("value", "member"),
    [
        (FactoredValue(120, (2, 2, 2, 3, 5)), b"120 2,2,2,3,5"),
        (FactoredValue(7, (7,)), b"7 7"),
        (FactoredValue(1, ()), b"1 "),
    ],
)
def test_a_member_is_the_value_a_blank_and_its_factors(value: FactoredValue, member: bytes) -> None:
    assert value.member == member


@given(factored_values)
def test_value_and_distinct_primes_are_read_back_from_the_member(value: FactoredValue) -> None:
    assert value_of(value.member) == value.value
    assert primes_of(value.member) == {b"%d" % prime for prime in value.prime_factors}


@given(st.lists(factored_values | st.just(FactoredValue(1, ())), min_size=1))
def test_a_page_of_members_becomes_the_json_of_their_values(values: list[FactoredValue]) -> None:
    page = join_members(value.member for value in values)

    assert json.loads(b"[" + json_of(page) + b"]") == [
        {"value": value.value, "prime_factors": list(value.prime_factors)} for value in values
    ]


def test_the_json_is_the_one_of_the_documented_answer() -> None:
    page = join_members([b"144 2,2,2,2,3,3", b"120 2,2,2,3,5"])

    assert json_of(page) == (b'{"value":144,"prime_factors":[2,2,2,2,3,3]},{"value":120,"prime_factors":[2,2,2,3,5]}')


def test_no_members_are_the_empty_page() -> None:
    assert join_members([]) == b""


@given(
    st.lists(st.lists(factored_values.map(lambda value: value.member), min_size=1, max_size=3), min_size=1, max_size=3)
)
def test_pages_join_like_members(pages: list[list[bytes]]) -> None:
    whole = join_members(member for page in pages for member in page)

    assert join_members(map(join_members, pages)) == whole
    assert b",".join(json_of(join_members(page)) for page in pages) == json_of(whole)


@given(values, st.integers(min_value=1, max_value=1_000))
def test_values_share_a_class_exactly_when_a_multiple_of_the_classes_lies_between_them(
    value: int, classes: int
) -> None:
    assert class_of(value, classes) in range(classes)
    assert class_of(value, classes) == class_of(value + classes, classes)
    assert len({class_of(value + step, classes) for step in range(classes)}) == classes
