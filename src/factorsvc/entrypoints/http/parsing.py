"""What a request may say, read strictly (design 10).

An integer is what JSON calls one: no plus sign, no leading zero, no fraction, no exponent, ASCII digits. Limits act on
digits before a number is made of them: that takes quadratic time, and Python refuses it beyond 4 300 digits.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from factorsvc.domain.errors import (
    BatchTooLargeError,
    InvalidNumberError,
    InvalidTtlError,
    NotPrimeError,
    NumberTooLargeError,
)
from factorsvc.entrypoints.http.api import HttpLimits
from factorsvc.entrypoints.http.refusals import MalformedBodyError, NotAnArrayError, NotAnIntegerError

MAX_TTL_S: Final = 100 * 365 * 24 * 3600
"""100 years."""

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_TOO_LONG: Final = object()
_NOT_AN_INTEGER: Final = object()


def ttl_of(values: Sequence[str]) -> int | None:
    """The ttl in seconds that a query with these values of `ttl` asks for; None if it has none: for ever.

    Raises:
        InvalidTtlError: it stands there more than once, or is not an integer from 1 to MAX_TTL_S.
    """
    if not values:
        return None
    text = values[0]
    if len(values) > 1 or not _INTEGER.fullmatch(text) or len(text) > len(str(MAX_TTL_S)):
        raise InvalidTtlError(MAX_TTL_S)
    ttl_s = int(text)
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise InvalidTtlError(MAX_TTL_S)
    return ttl_s


def prime_of(text: str, limits: HttpLimits) -> int:
    """The number in the path. Whether it is a prime is not looked at, but what no prime can be is refused.

    Raises:
        NotAnIntegerError: `text` is none.
        NumberTooLargeError: it is longer than the limit, on either side of 0.
        NotPrimeError: it is negative.
    """
    if not _INTEGER.fullmatch(text):
        raise NotAnIntegerError
    if len(text.removeprefix("-")) > len(str(limits.max_number)) or abs(int(text)) > limits.max_number:
        raise NumberTooLargeError(limits.max_bits)
    number = int(text)
    if number < 0:
        raise NotPrimeError(number)
    return number


def numbers_of(body: bytes, limits: HttpLimits) -> list[int]:
    """The numbers of a body, which is a JSON array of integers >= 1, in their order and with duplicates.

    The first element that is wrong is the one that is named.

    Raises:
        MalformedBodyError: it is not JSON.
        NotAnArrayError: it is JSON, but no array.
        BatchTooLargeError: it has more elements than the limit. Reading stops at the first number that is too many.
        InvalidNumberError: an element is anything but an integer >= 1; booleans, 3.0 and 1e2 are none.
        NumberTooLargeError: an element has more bits than the limit.
    """
    document = _document(body, limits)
    if not isinstance(document, list):
        raise NotAnArrayError
    if len(document) > limits.max_batch:
        raise BatchTooLargeError(limits.max_batch)
    largest = limits.max_number
    for index, element in enumerate(document):
        if element is _TOO_LONG:
            raise NumberTooLargeError(limits.max_bits, index)
        if type(element) is not int or element < 1:  # a bool is an int, too
            raise InvalidNumberError(index)
        if element > largest:
            raise NumberTooLargeError(limits.max_bits, index)
    return document


def _document(body: bytes, limits: HttpLimits) -> Any:
    integer, other = _number_readers(limits)
    try:
        text = body.decode()  # json.loads would guess UTF-16 and UTF-32, too
        return json.loads(text, parse_int=integer, parse_float=other, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise MalformedBodyError from None


def _number_readers(limits: HttpLimits) -> tuple[Callable[[str], object], Callable[[str], object]]:
    """How to read the integers and the other numbers of one document: bounded in number and in length."""
    left, longest = limits.max_batch, len(str(limits.max_number))

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise BatchTooLargeError(limits.max_batch)

    def integer(text: str) -> object:
        count()
        if len(text) <= longest:
            return int(text)
        return _NOT_AN_INTEGER if text[0] == "-" else _TOO_LONG

    def other(_text: str) -> object:
        count()
        return _NOT_AN_INTEGER

    return integer, other


def _no_json(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity, which Python's parser takes for JSON
