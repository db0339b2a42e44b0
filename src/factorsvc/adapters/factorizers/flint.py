"""python-flint, the default engine: C code that factors 63 bits in a millisecond and 128 bits in 30 ms.

It holds the GIL all the while and runs no signal handler of Python's, so only the kernel can stop it.
"""

from typing import Final

from flint import fmpz

from factorsvc.adapters.factorizers.engine import Engine


def factor_one(number: int) -> tuple[int, ...]:
    """Return the prime factors of `number`, sorted here: flint gives those of some numbers in another order."""
    return tuple(sorted(int(prime) for prime, power in fmpz(number).factor() for _ in range(power)))


def is_prime(number: int) -> bool:
    """Tell whether `number` is a prime, by the Baillie-PSW test: 0.05 ms for 256 bits.

    Below 2^64 that is a proof; no composite above is known to pass. flint's `is_prime` proves that too, and takes
    20 to 35 ms for 256 bits.
    """
    return bool(fmpz(number).is_probable_prime())


ENGINE: Final = Engine(
    factor_one,
    is_prime,
    # Products of two primes of one length, the slowest numbers there are: of 30 000 with 63 bits none took more than
    # 1.2 ms (median 0.3). With 64 some take 5 ms, where flint gives up one method for the next, with 72 bits 14 ms.
    easy_bits=63,
    # The quadratic sieve keeps its relations here, 2 MB a second, whatever TMPDIR says (flint's qsieve/factor.c).
    litter="/tmp/siqs",  # noqa: S108
)
