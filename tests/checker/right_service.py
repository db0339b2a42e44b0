"""Histories of a service that keeps its promises: each operation is done at one instant of the time it takes."""

from collections.abc import Sequence
from math import inf
from random import Random
from typing import NamedTuple

from tests.checker.history import Outcome
from tests.checker.stories import OUTCOMES

VERBS = {outcome: verb for verb, outcome in OUTCOMES.items()}
ALL_OUTCOMES = (*Outcome, Outcome.STORED, Outcome.STORED)
SPAN_S = 30_000
DEADLINE_S = 5_000


class Effect(NamedTuple):
    """What a POST does to one value, and when."""

    at_s: int
    value: int
    expires_at_s: float


class Served(NamedTuple):
    """One operation of a story. `values` are those of the POST or of the answer."""

    start_s: int
    end_s: int
    verb: str
    values: list[int]
    options: str = ""
    """`ttl=` and `until=` of a POST; of a GET the prime."""

    def __str__(self) -> str:
        values = " ".join(map(str, self.values))
        span = f"{self.start_s}-{self.end_s}"
        return (
            f"{span} get {self.options} -> {values}"
            if self.verb == "get"
            else f"{span} {self.verb} {values} {self.options}"
        )


def serve(
    random: Random,
    operations: int,
    *,
    values: Sequence[int],
    primes: Sequence[int],
    ttls_s: Sequence[int | None] = (None, 1_000, 5_000),
    outcomes: Sequence[Outcome] = ALL_OUTCOMES,
    posts: float = 0.3,
    typical_s: int = 300,
) -> list[Served]:
    """Operations in no order, at whole seconds. `posts` is the share of POSTs, `typical_s` how long operations take."""
    effects: list[Effect] = []
    served: list[Served] = []
    for _ in range(operations):
        start_s = random.randrange(SPAN_S)
        end_s = start_s + int(random.expovariate(1 / typical_s))
        if random.random() < posts:
            ttl_s, outcome = random.choice(ttls_s), random.choice(outcomes)
            ttl = "" if ttl_s is None else f"ttl={ttl_s} "
            chosen = random.sample(values, random.randint(1, min(3, len(values))))
            served.append(Served(start_s, end_s, VERBS[outcome], chosen, f"{ttl}until={start_s + DEADLINE_S}"))
            effects += _effects(random, served[-1], ttl_s, outcome)
        else:
            served.append(Served(start_s, end_s, "get", [], str(random.choice(primes))))
    history_of_value = {value: sorted(effect for effect in effects if effect.value == value) for value in values}
    for get in served:
        if get.verb == "get":
            at_s = random.randint(get.start_s, get.end_s)
            multiples = (value for value in values if value % int(get.options) == 0)
            get.values.extend(value for value in multiples if _is_stored(history_of_value[value], at_s))
    return served


def _effects(random: Random, post: Served, ttl_s: int | None, outcome: Outcome) -> list[Effect]:
    values = post.values
    if outcome is Outcome.NOTHING_STORED:
        return []
    if outcome is Outcome.UNKNOWN:
        values = [value for value in values if random.random() < 0.5]
    clock_s = random.randint(post.start_s, post.end_s)
    expires_at_s = inf if ttl_s is None else clock_s + ttl_s
    last_s = post.end_s if outcome is Outcome.STORED else post.start_s + DEADLINE_S
    return [Effect(random.randint(min(clock_s, last_s), last_s), value, expires_at_s) for value in values]


def _is_stored(effects: Sequence[Effect], at_s: int) -> bool:
    """Whether the last of the effects up to `at_s`, in their order, has not expired."""
    past = [effect for effect in effects if effect.at_s <= at_s]
    return bool(past) and at_s < past[-1].expires_at_s
