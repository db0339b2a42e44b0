"""How a story words what it has seen: replies, sets of numbers, who serves how much."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import prod

from factorsvc.domain.value import FactoredValue
from factorsvc.entrypoints.http.problems import NOTHING_STORED
from tests.scenarios.world import Reply

_FEW = 4
"""So many numbers are told one by one."""


def of_post(reply: Reply) -> str:
    """The reply to a POST: the numbers with their factors, in the order given."""
    if reply.status != 200:
        return _of_problem(reply)
    if len(reply.values) > _FEW:
        return f"200 {numbers(value.value for value in reply.values)}"
    return " ".join(["200", *map(_factored, reply.values)])


def of_get(reply: Reply, prime: int) -> str:
    """The reply to a GET: the set of numbers, after a look at their factors."""
    if reply.status != 200:
        return _of_problem(reply)
    wrong = [value for value in reply.values if not _is_right(value, prime)]
    doubles = len(reply.values) - len(set(reply.values))
    said = f"200 {numbers(value.value for value in reply.values) or 'nothing'}"
    if wrong or doubles:
        return f"{said}, of which are wrong: {' '.join(map(_factored, wrong))}, double: {doubles}"
    return said


def numbers(given: Iterable[int]) -> str:
    """A set of numbers, ascending: one by one, and where more than a few are evenly spaced `2..600/2`."""
    return " ".join(_runs(sorted(set(given))))


def shares(serving: Mapping[int, int]) -> str:
    """By replica, how many classes it serves, where that is not left to chance: `1..3 serve 4 classes each`."""
    who = numbers(serving)
    verb = "serves" if len(serving) == 1 else "serve"
    least, most = min(serving.values()), max(serving.values())
    if least == most:
        each = "" if len(serving) == 1 else " each"
        return f"{who} {verb} {_classes(least)}{each}"
    return f"{who} {verb} {least} to {_classes(most)} each"


def moves(before: Mapping[int, Collection[int]], after: Mapping[int, Collection[int]]) -> list[str]:
    """By replica the classes that it serves: what each has given away and taken since."""
    said = []
    for replica in sorted(before.keys() | after.keys()):
        was, now = set(before.get(replica, ())), set(after.get(replica, ()))
        parts = [f"gave {_classes(len(was - now))}"] if was - now else []
        parts += [f"took {_classes(len(now - was))}"] if now - was else []
        if parts:
            said.append(f"{replica} {' and '.join(parts)}")
    return said or ["no class has moved"]


def _of_problem(reply: Reply) -> str:
    outcome = {None: "", NOTHING_STORED: ", nothing stored"}.get(reply.outcome, ", perhaps stored")
    return f"{reply.status or 'no reply:'} {reply.problem}{outcome}"


def _factored(value: FactoredValue) -> str:
    return f"{value.value} [{','.join(map(str, value.prime_factors))}]"


def _is_right(value: FactoredValue, prime: int) -> bool:
    factors = value.prime_factors
    return prod(factors) == value.value and prime in factors and list(factors) == sorted(factors)


def _runs(ascending: Sequence[int]) -> Iterator[str]:
    start = 0
    while start < len(ascending):
        end = start + 1
        step = ascending[end] - ascending[start] if end < len(ascending) else 1
        while end < len(ascending) and ascending[end] - ascending[end - 1] == step:
            end += 1
        if end - start > 2:
            yield f"{ascending[start]}..{ascending[end - 1]}" + (f"/{step}" if step > 1 else "")
        else:
            end = start + 1
            yield str(ascending[start])
        start = end


def _classes(count: int) -> str:
    return f"{count} class" if count == 1 else f"{count} classes"
