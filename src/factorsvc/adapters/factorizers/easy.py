"""Which numbers are easy: they are factored in place, on the event loop, about 2 ms at a time at most.

Most numbers that people post are short, or smooth, or a prime times little. All of these are recognised here, so
that only a number which really needs a sieve or a curve costs the way to another process.
"""

import asyncio
import math
from collections.abc import Sequence
from typing import Final

from factorsvc.adapters.factorizers.engine import Engine
from factorsvc.domain.errors import OverloadedError

SMALL_PRIMES: Final = tuple(n for n in range(2, 1_000) if all(n % d for d in range(2, math.isqrt(n) + 1)))
SMALL_PRODUCT: Final = math.prod(SMALL_PRIMES)  # one gcd with it, 2 us, tells which of them divide a number

# A slice ends with the number during which this time is over. Together with the slowest easy number, 1.2 ms, that
# keeps the loop for less than 2 ms (uvloop's clock ticks in milliseconds: 2.2 ms there). Giving way to a loop with
# nothing else to do costs 10 us.
SLICE_S: Final = 0.0005


def factor_easily(engine: Engine, number: int) -> tuple[int, ...] | None:
    """Return the prime factors of `number`, ascending and with repetition, or None if it is hard. At most 1.2 ms.

    Easy is what `engine` calls easy by its length, after the division by all primes below 1000, and what is then a
    prime. For both engines the slowest numbers are those just below `easy_bits`; all else takes less.
    """
    if number.bit_length() <= engine.easy_bits:
        return engine.factor_one(number)
    small, rest = _divide_small_primes(number)
    if rest.bit_length() <= engine.easy_bits:
        return small + engine.factor_one(rest)
    return (*small, rest) if engine.is_prime(rest) else None


async def factor_easy_ones(
    engine: Engine, numbers: Sequence[int], deadline: float
) -> tuple[dict[int, tuple[int, ...]], list[int]]:
    """Return the factors of those of `numbers` that are easy, and the hard ones in their order, each of them once.

    Other tasks run between the slices: the worst batch, 10 000 products of two 32-bit primes, takes 3 s.

    Raises:
        OverloadedError: `deadline` passed. No number is to blame, the event loop had too much else to do.
    """
    now = asyncio.get_running_loop().time
    easy: dict[int, tuple[int, ...]] = {}
    hard: list[int] = []
    slice_end = now() + SLICE_S
    for number in dict.fromkeys(numbers):
        factors = factor_easily(engine, number)
        if factors is None:
            hard.append(number)
        else:
            easy[number] = factors
        if now() >= slice_end:
            if now() >= deadline:
                raise OverloadedError("the batch was not factored in time")
            await asyncio.sleep(0)
            slice_end = now() + SLICE_S
    return easy, hard


def _divide_small_primes(number: int) -> tuple[tuple[int, ...], int]:
    """Return the small prime factors of `number`, ascending and with repetition, and what is left of it."""
    small: list[int] = []
    common = math.gcd(number, SMALL_PRODUCT)
    for prime in SMALL_PRIMES:
        if common == 1:
            break
        if common % prime == 0:
            common //= prime
            while number % prime == 0:
                number //= prime
                small.append(prime)
    return tuple(small), number
