"""Random walks through the world: at each step something that may happen does, and what must hold is looked at.

Who does something is drawn apart from what is done: at times one process alone goes on, for a while, and the others
sleep. Few changes between processes suffice to bring most faults about that come of their order, and steps drawn evenly
would change all the time (Burckhardt and others, "A randomized scheduler with probabilistic guarantees", ASPLOS 2010).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from tests.journal.lives import start
from tests.journal.moves import Kind, kinds_in
from tests.journal.shape import Shape
from tests.journal.truth import ViolationError
from tests.journal.world import Move, World

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
"""How often a single call is served, all but those of one kind, and all there are: a walk draws one of these."""
CHANGES = (0.0, 0.05, 0.2)
"""How likely it is at each step of a walk that it is another's turn; never: it is everybody's all the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gait:
    """How walks go, as far as that is not left to chance."""

    opening: str = ""
    """Kinds of what happens first, in this order and as far as anything of the kind may: ``post, run, crash``."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """How often kinds of things happen after that, instead of what each walk draws."""
    grains: tuple[tuple[float, float, float], ...] = GRAINS
    length: int = 100
    """Steps in a walk."""


class CounterExampleError(AssertionError):
    """A walk that led to a violation; the message tells it step by step."""

    def __init__(self, walk: int, steps: int, violation: ViolationError, trace: list[str]) -> None:
        """Say what came of `trace`, after `steps` steps of all walks."""
        told = "\n".join(f"  {label}" for label in trace)
        super().__init__(f"walk {walk}, after {steps} steps: {violation}\n{told}")
        self.steps = steps


def explore(shape: Shape, gait: Gait, *, seed: int, walks: int) -> int:
    """Make `walks` walks and return how many steps that were.

    Raises:
        CounterExampleError: something did not hold.
    """
    rng, steps = Random(seed), 0
    for number in range(walks):
        walk = Walk(shape, gait, rng)
        try:
            walk.go()
        except ViolationError as violation:
            raise CounterExampleError(number, steps + len(walk.trace), violation, walk.trace) from violation
        finally:
            walk.world.end()
        steps += len(walk.trace)
    return steps


class Walk:
    """One walk through a world of its own."""

    def __init__(self, shape: Shape, gait: Gait, rng: Random) -> None:
        """Draw what kind of walk it is."""
        self.world = World(shape)
        self.trace: list[str] = []
        self._gait = gait
        self._rng = rng
        self._kinds: Mapping[str, Kind] = kinds_in(shape)
        self._weights = {
            kind: ORDINARY[kind] * rng.choice((0.5, 1.0, 2.0)) if kind in ORDINARY else rng.choice((0.0, 0.5, 2.0))
            for kind in self._kinds
        }
        self._weights["call"], self._weights["advance"], self._weights["run"] = rng.choice(gait.grains)
        self._weights |= gait.weights
        self._change = rng.choice(CHANGES) if shape.holders > 1 else 0.0
        self._turn: int | None = None
        """The slot whose turn it is; None: everybody's."""
        for slot in range(shape.begun):
            start(self.world, slot)
            self.world.settle()
            self.world.run(self.world.processes[-1])

    def go(self) -> None:
        """Take as many steps as the gait has, or as there are.

        Raises:
            ViolationError: something does not hold after the last step of the trace.
        """
        opening = self._gait.opening.split(", ") if self._gait.opening else []
        for step in range(self._gait.length):
            if self._rng.random() < self._change:
                self._turn = self._rng.choice((None, *range(len(self.world.holders))))
            told = dict.fromkeys(opening[step : step + 1], 1.0)
            move = self._pick(told) or self._pick(self._weights)
            if move is None:
                return
            self.trace.append(move.label)
            self.world.do(move)

    def _pick(self, weights: Mapping[str, float]) -> Move | None:
        """Something that may happen next, by the weights of the kinds of which anything may."""
        left = dict(weights)
        while any(left.values()):
            kind = self._rng.choices(list(left), list(left.values()))[0]
            moves = [move for move in self._kinds[kind](self.world) if self._is_in_turn(move)]
            if moves:
                return self._rng.choice(moves)
            del left[kind]
        return None

    def _is_in_turn(self, move: Move) -> bool:
        return self._turn is None or move.process is None or move.process.slot == self._turn
