"""Both libraries, and what is decided to be easy, against the one law of factoring: the answer is unique."""

import math
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import nextprime

from factorsvc.adapters.factorizers.easy import factor_easily
from factorsvc.adapters.factorizers.engine import Engine, engine_named

FLINT: Final = engine_named("flint")
SYMPY: Final = engine_named("sympy")
LIMIT: Final = 2**128

# The Carmichael numbers below 100 000, and such that deceive more than one base of Miller and Rabin's test.
CARMICHAEL: Final = [
    561,
    1105,
    1729,
    2465,
    2821,
    6601,
    8911,
    10585,
    15841,
    29341,
    41041,
    46657,
    52633,
    62745,
    63973,
    75361,
]
STRONG_PSEUDOPRIMES: Final = [2047, 3_215_031_751, 3_825_123_056_546_413_051, 318_665_857_834_031_151_167_461]

# Some k, up to the largest below 2^128, for which all of 6k+1, 12k+1 and 18k+1 are primes.
CHERNICK: Final = [
    k
    for start in (1, 2**20, 2**30, 2**38)
    for k in range(start, start + 10_000)
    if all(FLINT.is_prime(multiple * k + 1) for multiple in (6, 12, 18))
]


def primes(bits: int) -> st.SearchStrategy[int]:
    """Primes of at most `bits` bits, of every length."""
    return st.integers(1, bits - 1).flatmap(lambda length: st.integers(1, 2**length)).map(lambda n: int(nextprime(n)))


def product_below(limit: int, factors: list[int]) -> int:
    """The product of the first `factors` that stays below `limit`."""
    product = 1
    for factor in factors:
        if product * factor >= limit:
            break
        product *= factor
    return product


def check(number: int, factors: tuple[int, ...]) -> None:
    """`factors` are the prime factors of `number`: the fundamental theorem leaves no other choice."""
    assert math.prod(factors) == number
    assert list(factors) == sorted(factors)
    assert all(FLINT.is_prime(factor) and SYMPY.is_prime(factor) for factor in factors)


@given(st.integers(1, LIMIT))
@example(1)
@example(LIMIT)
@example(LIMIT - 1)
@example(732_898_212_619)
@example(235_116_074_937_174_524_496_096_225_107_736_402_054)
def test_any_number_is_the_product_of_its_sorted_primes(number: int) -> None:
    """Up to 2^128, by flint; each factor is a prime to sympy too, which itself would need hours for some numbers."""
    check(number, FLINT.factor_one(number))


@given(st.integers(1, 2**48))
@example(1)
def test_flint_equals_sympy(number: int) -> None:
    """Any number that sympy can do without delay."""
    assert FLINT.factor_one(number) == SYMPY.factor_one(number)


@given(st.lists(primes(24), max_size=12), primes(128))
def test_flint_equals_sympy_for_large_numbers_with_one_large_prime(small: list[int], large: int) -> None:
    """Up to 2^128 and beyond, as long as at most one prime has more than 24 bits."""
    number = product_below(LIMIT, small) * large
    factors = FLINT.factor_one(number)
    assert factors == SYMPY.factor_one(number)
    check(number, factors)


@given(primes(128))
@example(2)
@example(2**127 - 1)
def test_a_prime_is_its_only_factor(prime: int) -> None:
    """And so is it to both tests of primality; its negative is none, nor is its successor, 2 apart."""
    assert FLINT.factor_one(prime) == SYMPY.factor_one(prime) == (prime,)
    for number in (prime, -prime, prime + 1):
        assert FLINT.is_prime(number) == SYMPY.is_prime(number) == (number in {prime, 3})


@given(primes(64), st.integers(2, 128))
def test_a_prime_power_is_that_prime_so_many_times(prime: int, power: int) -> None:
    """From squares of 64-bit primes to 2^127; a power that is too large for 2^128 is cut."""
    factors = (prime,) * min(power, int(128 / math.log2(prime)))
    number = math.prod(factors)
    assert FLINT.factor_one(number) == SYMPY.factor_one(number) == factors


@given(primes(64))
def test_two_close_primes_are_told_apart(prime: int) -> None:
    """A prime and the next one, up to 2^128: nothing is closer."""
    pair = (prime, int(nextprime(prime)))
    assert FLINT.factor_one(math.prod(pair)) == SYMPY.factor_one(math.prod(pair)) == pair


@pytest.mark.parametrize("number", CARMICHAEL + STRONG_PSEUDOPRIMES)
def test_what_looks_like_a_prime_is_factored(number: int) -> None:
    """Carmichael numbers pass Fermat's test to every base, strong pseudoprimes the one of Miller and Rabin to some."""
    assert not FLINT.is_prime(number)
    assert not SYMPY.is_prime(number)
    factors = FLINT.factor_one(number)
    assert factors == SYMPY.factor_one(number)
    assert len(factors) > 1
    check(number, factors)


@given(st.sampled_from(CHERNICK))
def test_chernicks_carmichael_numbers_have_three_primes(k: int) -> None:
    """(6k+1)(12k+1)(18k+1), where all three are primes, is a Carmichael number."""
    factors = (6 * k + 1, 12 * k + 1, 18 * k + 1)
    number = math.prod(factors)
    assert pow(2, number - 1, number) == 1
    assert not FLINT.is_prime(number)
    assert not SYMPY.is_prime(number)
    assert FLINT.factor_one(number) == factors


@pytest.mark.parametrize("engine", [FLINT, SYMPY], ids=["flint", "sympy"])
@given(number=st.one_of(st.integers(1, 2**256), st.lists(st.integers(2, 1_100), max_size=24).map(math.prod)))
@example(number=1)
@example(number=2**255)
@example(number=997**25)
@example(number=2**255 - 19)
@example(number=30 * (2**127 - 1))
def test_what_is_factored_in_place_is_factored_right(engine: Engine, number: int) -> None:
    """Small, smooth, prime, or a prime times what is smooth: the same law; all else is left to the workers."""
    factors = factor_easily(engine, number)
    if factors is None:
        assert number.bit_length() > engine.easy_bits
        assert not engine.is_prime(number)
    else:
        check(number, factors)
