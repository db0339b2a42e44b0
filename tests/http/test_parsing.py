"""Properties of parsing: never a 5xx, exactly the strict model, and no work on digits beyond the limit."""

import json
import re
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from factorsvc.domain.errors import InvalidTtlError, NotPrimeError, NumberTooLargeError, RequestError
from factorsvc.entrypoints.http.api import HttpLimits
from factorsvc.entrypoints.http.models import CreateValuesRequest
from factorsvc.entrypoints.http.parsing import MAX_TTL_S, numbers_of, prime_of, ttl_of
from factorsvc.entrypoints.http.refusals import MalformedBodyError, NotAnArrayError, NotAnIntegerError
from tests.http.asking import ask_now
from tests.http.replica_stub import StubReplica, an_app

LIMITS = HttpLimits(max_bits=40, max_batch=6, max_body_bytes=400)
UNLIMITED = HttpLimits(max_bits=10_000, max_batch=10_000)

scalars = st.none() | st.booleans() | st.integers() | st.integers(-2, 2**41) | st.floats() | st.text(max_size=5)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
naturals = st.lists(st.integers(1, 2**40 - 1), max_size=6)
nearly_naturals = st.lists(st.integers(1, 2**40 - 1) | scalars, max_size=8)
number_texts = st.from_regex(r"[-+]?[0-9_]{1,14}(\.[0-9]{1,2})?([eE][0-9])?", fullmatch=True)
ttl_texts = number_texts | st.text(max_size=12) | st.integers(-5, 2 * MAX_TTL_S).map(str)


def is_allowed(document: Any) -> bool:
    """Design 10, in one expression."""
    return (
        isinstance(document, list)
        and len(document) <= LIMITS.max_batch
        and all(isinstance(item, int) and not isinstance(item, bool) and 1 <= item < 2**40 for item in document)
    )


@given(documents | naturals | nearly_naturals)
@example([True])
@example([1.0])
@example([2**40 - 1, 2**40])
@example([1] * 7)
def test_a_body_is_stored_exactly_if_it_is_allowed(document: Any) -> None:
    """Any JSON at all: 200 and stored as it is, or a 4xx and nothing stored; never a 5xx."""
    replica = StubReplica()
    response = ask_now(an_app(replica, LIMITS), "POST", "/values", content=json.dumps(document))
    if is_allowed(document) and len(json.dumps(document)) <= LIMITS.max_body_bytes:
        assert response.status_code == 200
        assert replica.stored == [(document, None)]
    else:
        assert response.status_code in {400, 413, 422}
        assert response.headers["content-type"] == "application/problem+json"
        assert replica.stored == []


@given(st.binary(max_size=500) | st.text('[]{}0123456789-+.eE,"nulltrue \n', max_size=60).map(str.encode))
@example(b"")
@example(b"\xef\xbb\xbf[1]")
@example(b"[" * 400)
def test_bytes_of_any_kind_are_never_a_defect(body: bytes) -> None:
    """Whatever comes is 200 or a 4xx."""
    assert ask_now(an_app(limits=LIMITS), "POST", "/values", content=body).status_code in {200, 400, 413, 422}


@given(documents | naturals | nearly_naturals)
def test_the_documented_model_and_the_parser_agree(document: Any) -> None:
    """CreateValuesRequest, which OpenAPI shows, takes exactly what the parser takes."""
    body = json.dumps(document).encode()
    try:
        by_model = CreateValuesRequest.model_validate_json(body, strict=True).root
    except ValidationError:
        with pytest.raises(RequestError):
            numbers_of(body, UNLIMITED)
    else:
        assert numbers_of(body, UNLIMITED) == by_model


@given(number_texts)
@example("-0")
@example("00")
def test_a_number_is_what_json_calls_an_integer(text: str) -> None:
    """Signs, leading zeros, fractions, exponents and underscores make no number."""
    body = f"[{text}]".encode()
    if re.fullmatch("[1-9][0-9]*", text) and int(text) < 2**40:
        assert numbers_of(body, LIMITS) == [int(text)]
    else:
        with pytest.raises(RequestError):
            numbers_of(body, LIMITS)


@given(number_texts | st.text(max_size=20) | st.integers(-10, 2**41).map(str))
@example("-0")
@example("\u0663")
@example("5\n")
def test_a_prime_is_read_as_strictly(text: str) -> None:
    """The path takes what a body takes, and 0 with or without a sign, which the use case refuses."""
    if re.fullmatch("-?0|[1-9][0-9]*", text) and int(text) < 2**40:
        assert prime_of(text, LIMITS) == int(text)
    else:
        with pytest.raises((NotAnIntegerError, NumberTooLargeError, NotPrimeError)):
            prime_of(text, LIMITS)


@given(st.lists(ttl_texts, max_size=3))
@example([])
@example([str(MAX_TTL_S)])
@example([str(MAX_TTL_S + 1)])
@example(["5\n"])
def test_a_ttl_is_one_plain_integer_within_bounds(values: list[str]) -> None:
    """None at all is for ever; one is taken as written; anything else is refused."""
    if not values:
        assert ttl_of(values) is None
    elif len(values) == 1 and re.fullmatch("[1-9][0-9]*", values[0]) and int(values[0]) <= MAX_TTL_S:
        assert ttl_of(values) == int(values[0])
    else:
        with pytest.raises(InvalidTtlError):
            ttl_of(values)


@pytest.fixture
def longest_conversion() -> Any:
    """Python itself refuses to make a number of more digits than a test says."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)  # the least that Python allows
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("longest_conversion")
@pytest.mark.parametrize("digits", [641, 4_000, 1_000_000])
def test_digits_beyond_the_limit_are_counted_and_not_converted(digits: int) -> None:
    """The refusal is ours and names the limit: a conversion would have raised Python's own error, a malformed body."""
    number = "9" * digits
    with pytest.raises(NumberTooLargeError) as refused:
        numbers_of(f"[7,{number}]".encode(), HttpLimits())
    assert (refused.value.index, refused.value.limit_bits) == (1, 256)
    with pytest.raises(NumberTooLargeError):
        prime_of(number, HttpLimits())
    with pytest.raises(InvalidTtlError):
        ttl_of([number])


def test_reading_stops_at_the_first_number_too_many() -> None:
    """What comes after it is not even looked at: here it is no JSON."""
    with pytest.raises(RequestError, match="more than 6 numbers"):
        numbers_of(b"[1,1,1,1,1,1,1,oops", LIMITS)


@pytest.mark.parametrize("body", [b"[NaN]", b"[1,-Infinity]", b"NaN"])
def test_what_only_python_calls_json_is_malformed(body: bytes) -> None:
    """RFC 8259 knows no NaN."""
    with pytest.raises(MalformedBodyError):
        numbers_of(body, LIMITS)


@pytest.mark.parametrize("body", [b"12", b"99999999999999999999", b"1.5", b"{}", b"null"])
def test_a_document_that_is_no_array_is_not_malformed(body: bytes) -> None:
    """It is JSON, and the client is told what it should have been."""
    with pytest.raises(NotAnArrayError):
        numbers_of(body, LIMITS)
