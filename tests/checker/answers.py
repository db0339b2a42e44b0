"""What can be seen of one answer by itself: its form, and the factors of each value in it."""

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from math import prod

from tests.checker.history import Get

WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
"""Enough for all numbers below 3.3e24 (Sorenson and Webster 2015), and for the primes of any test."""


class Inspection:
    """Looks at answers one after the other, and at each value of a prime's answers once."""

    def __init__(self) -> None:
        self._faultless: defaultdict[int, set[tuple[int, tuple[int, ...]]]] = defaultdict(set)

    def faults_of(self, get: Get) -> list[tuple[int, str]]:
        """Values of the answer with what is wrong about them."""
        prime = get.request.prime
        entries = set(get.answer)
        faults = []
        if len(entries) < len(get.answer):
            counts = Counter(value for value, _ in get.answer)
            faults += [(value, f"{count} times in one answer") for value, count in counts.items() if count > 1]
        for value, factors in sorted(entries - self._faultless[prime]):
            if value % prime:
                faults.append((value, f"in an answer though {prime} does not divide it"))
            elif not is_factorization(value, factors):
                faults.append((value, f"given the factors {list(factors)}"))
            else:
                self._faultless[prime].add((value, factors))
        return faults


@cache
def is_factorization(value: int, factors: tuple[int, ...]) -> bool:
    """Whether `factors` are the prime factors of `value`, ascending and with repetition."""
    ascending = all(smaller <= larger for smaller, larger in pairwise(factors))
    return ascending and prod(factors) == value and all(map(is_prime, factors))


@cache
def is_prime(number: int) -> bool:
    """Miller and Rabin's test."""
    if number < 2 or any(number % witness == 0 and number != witness for witness in WITNESSES):
        return False
    odd = number - 1
    halvings = (odd & -odd).bit_length() - 1
    odd >>= halvings
    return all(_testifies(witness, number, odd, halvings) for witness in WITNESSES if witness != number)


def _testifies(witness: int, number: int, odd: int, halvings: int) -> bool:
    power = pow(witness, odd, number)
    return power in {1, number - 1} or any((power := power * power % number) == number - 1 for _ in range(halvings - 1))
