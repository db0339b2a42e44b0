"""What a factoring library has to give, so that everything else about factoring is written once."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal


@dataclass(frozen=True, slots=True)
class Engine:
    """A library that factors, behind module-level functions: a worker process finds them by their names.

    `factor_one` returns the prime factors of a number >= 1, ascending and with repetition; it may take for ever.
    `is_prime` tells whether a number of any sign is a prime, within a millisecond for as many bits as we accept.
    No number of at most `easy_bits` bits takes `factor_one` longer than that either; each library measures its own.
    `litter` begins the path of every file that `factor_one` leaves behind when its process is killed, if it makes any.
    """

    factor_one: Callable[[int], tuple[int, ...]]
    is_prime: Callable[[int], bool]
    easy_bits: int
    litter: str | None = None


def engine_named(name: Literal["flint", "sympy"]) -> Engine:
    """Return the engine called `name`. The other library is not even imported: sympy alone takes 40 MB and 0.3 s."""
    engine: Engine = import_module(f"factorsvc.adapters.factorizers.{name}").ENGINE
    return engine
