"""Random walks through the world: at each step something that may happen does, and what must hold is looked at."""

from collections.abc import Mapping
from random import Random

from tests.journal.truth import ViolationError
from tests.journal.world import Move, Shape, World

ORDINARY: Mapping[str, float] = {
    "call": 1.0,
    "run": 1.0,
    "advance": 1.0,
    "tick": 2.0,
    "post": 2.0,
    "start": 2.0,
    "compact": 1.0,
    "clean": 1.0,
    "drop": 2.0,
    "land": 2.0,
    "give up": 1.0,
    "wake": 1.0,
}
"""How often what belongs to every world happens; each walk varies it, and draws how often each trouble comes."""
GRAINS = ((8.0, 1.0, 1.0), (2.0, 4.0, 4.0), (0.2, 1.0, 8.0))
"""Single calls, runs of calls, and runs up to the next call of a kind: how often each is what goes on."""


class CounterExampleError(AssertionError):
    """A walk that led to a violation; the message tells it step by step."""


def explore(
    shape: Shape,
    *,
    seed: int,
    walks: int,
    length: int = 100,
    fixed: Mapping[str, float] | None = None,
    grains: tuple[tuple[float, float, float], ...] = GRAINS,
) -> int:
    """Make `walks` walks of at most `length` steps each, and return how many steps that were.

    Raises:
        CounterExampleError: something did not hold.
    """
    rng, steps = Random(seed), 0
    for number in range(walks):
        world = World(shape)
        weights = {
            kind: ORDINARY[kind] * rng.choice((0.5, 1.0, 2.0)) if kind in ORDINARY else rng.choice((0.0, 0.5, 2.0))
            for kind in world.kinds
        }
        weights["call"], weights["advance"], weights["run"] = rng.choice(grains)
        weights |= fixed or {}
        trace: list[str] = []
        try:
            steps += _walk(world, rng, weights, length, trace)
        except ViolationError as violation:
            told = "\n".join(f"  {label}" for label in trace)
            raise CounterExampleError(f"walk {number}, after {steps} steps: {violation}\n{told}") from violation
        finally:
            world.end()
    return steps


def _walk(world: World, rng: Random, weights: Mapping[str, float], length: int, trace: list[str]) -> int:
    for step in range(length):
        move = _pick(world, rng, weights)
        if move is None:
            return step
        trace.append(move.label)
        world.do(move)
        world.check()
    return length


def _pick(world: World, rng: Random, weights: Mapping[str, float]) -> Move | None:
    """Something that may happen next, by the weights of the kinds of which anything may."""
    kinds = dict(weights)
    while any(kinds.values()):
        kind = rng.choices(list(kinds), list(kinds.values()))[0]
        moves = list(world.kinds[kind]())
        if moves:
            return rng.choice(moves)
        del kinds[kind]
    return None
