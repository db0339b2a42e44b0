"""All that may happen in a world, by kind."""

from collections.abc import Callable, Iterator, Mapping

from tests.journal import calls, lives, weather
from tests.journal.shape import Shape
from tests.journal.world import Move, World

Kind = Callable[[World], Iterator[Move]]

ORDINARY: Mapping[str, Kind] = {
    "call": calls.singly,
    "run": calls.all_in_turn,
    "advance": calls.up_to_a_stop,
    "start": lives.starts,
    "give up": lives.givings_up,
    "post": lives.posts,
    "tick": weather.seconds,
    "compact": weather.compactions,
    "clean": weather.cleanings,
    "drop": weather.droppings,
    "land": calls.landings,
    "wake": lives.wakings,
}
"""What happens in every world."""
TROUBLE: Mapping[str, Kind] = {
    "age": weather.days,
    "lose request": calls.lost,
    "lose answer": calls.unanswered,
    "late": calls.late,
    "stall": calls.stalled,
    "crash": lives.crashes,
    "freeze": lives.freezings,
    "move": lives.placements,
    "flushall": weather.wipes,
    "save": weather.saves,
    "restart": weather.restarts,
    "reconnect": weather.reconnects,
    "full": weather.fullness,
    "deadline": weather.deadlines,
}
"""What happens where a shape has it."""


def kinds_in(shape: Shape) -> dict[str, Kind]:
    """The kinds of things that may happen in a world of `shape`."""
    wanted = {kind.partition(":")[0] for kind in shape.trouble}
    return {**ORDINARY, **{kind: moves for kind, moves in TROUBLE.items() if kind in wanted}}
