"""sympy, the reference engine: pure Python, written independently of flint, and slow where numbers are hard."""

from typing import Final

from sympy import factorint, isprime

from factorsvc.adapters.factorizers.engine import Engine


def factor_one(number: int) -> tuple[int, ...]:
    """Return the prime factors of `number`, ascending and with repetition."""
    return tuple(sorted(int(prime) for prime, power in factorint(number).items() for _ in range(power)))


def is_prime(number: int) -> bool:
    """Tell whether `number` is a prime, by the Baillie-PSW test above 2^64 and by proof below: 0.4 ms for 256 bits."""
    return bool(isprime(number))


ENGINE: Final = Engine(
    factor_one,
    is_prime,
    # Of 2 000 products of two primes of one length none took more than 1.1 ms with 30 bits (its cache of factors
    # emptied before each), 2.4 ms with 33; 64 bits may take 600 ms.
    easy_bits=30,
)
