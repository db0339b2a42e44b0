"""What may become of a call: served, done and not answered, lost, or carried out when nobody waits for it any more."""

from collections.abc import Iterator
from functools import partial

from tests.journal.process import Process
from tests.journal.wire import Call
from tests.journal.world import Move, World

LATE = 3
"""Calls that may come late at one time."""


def singly(world: World) -> Iterator[Move]:
    """One call is served."""
    for process in world.running:
        for name, call in world.under_way(process):
            yield Move(name, partial(world.serve, process, call), process)


def all_in_turn(world: World) -> Iterator[Move]:
    """A process gets all it calls for."""
    for process in _busy(world):
        yield Move(f"{process} goes on", partial(world.run, process), process)


def up_to_a_stop(world: World) -> Iterator[Move]:
    """A process gets all it calls for, up to a call of some kind."""
    for process in _busy(world):
        for stop in world.shape.stops:
            yield Move(f"{process} goes on to its next {stop}", partial(world.run, process, stop), process)


def stalled(world: World) -> Iterator[Move]:
    """The server does it, and answers later."""
    for name, process, call in _exposed(world, "stall"):
        yield Move(f"{name}: done, not answered yet", partial(call.take_effect, world.servers.loop), process)


def lost(world: World) -> Iterator[Move]:
    """The server does nothing, and nobody answers."""
    for name, process, call in _exposed(world, "lose request"):
        yield Move(f"{name}: lost", partial(world.lose, process, call), process)


def unanswered(world: World) -> Iterator[Move]:
    """The server does it, and nobody answers."""
    for name, process, call in _exposed(world, "lose answer"):

        def act(process: Process = process, call: Call = call) -> None:
            call.take_effect(world.servers.loop)
            world.lose(process, call)

        yield Move(f"{name}: done, answer lost", act, process)


def late(world: World) -> Iterator[Move]:
    """Nobody answers, and the server does it some time."""
    for name, process, call in _exposed(world, "late") if len(world.late) < LATE else ():

        def act(name: str = name, process: Process = process, call: Call = call) -> None:
            world.postpone(name, call)
            world.lose(process, call)

        yield Move(f"{name}: no answer, comes late", act, process)


def landings(world: World) -> Iterator[Move]:
    """What comes late comes now."""
    for name, call in world.late:

        def act(name: str = name, call: Call = call) -> None:
            world.late.remove((name, call))
            call.take_effect(world.servers.loop)

        yield Move(f"late: {name}", act)


def _busy(world: World) -> Iterator[Process]:
    """The processes that have calls under way."""
    return (process for process in world.running if any(world.under_way(process)))


def _exposed(world: World, trouble: str) -> Iterator[tuple[str, Process, Call]]:
    """The calls under way that may have `trouble`: the server has not done them yet."""
    for process in world.running:
        for name, call in world.under_way(process):
            if not call.is_done and call.method != "take" and world.may(trouble, call):
                yield name, process, call
