"""One line for each change of a replica's state, made by comparing what it says of itself now with what it said before.

So nothing inside a replica has to know of logs, and no line can be forgotten where a new cause of a change is added. A
state that was left again before anybody looked has no line.
"""

import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

from factorsvc.adapters.observability.watched import Watched, own_status
from factorsvc.domain.status import Readiness

_LOG: Final = logging.getLogger("factorsvc.replica")
_LEAVING: Final = "leaving"
"""The reason that a draining replica gives for not being ready."""


class State(NamedTuple):
    """What there is to tell of a replica."""

    readiness: Readiness
    placed: frozenset[int]
    """The classes that it is to hold."""
    serving: frozenset[int]
    """The classes that it answers for, as far as there is to tell of them."""
    full: bool
    others: frozenset[int]
    """The slots of all others that are heard of."""


class Line(NamedTuple):
    """One line of the log."""

    level: int
    event: str
    fields: dict[str, object]


NEW: Final = State(Readiness(False, "", None, None, 0), frozenset(), frozenset(), False, frozenset())
"""Before anything is known."""


async def log_changes(replica: Watched) -> None:
    """Log each change of the state of `replica`, from now on until cancelled, that of the last moment included."""
    told = NEW
    try:
        while True:
            told = _tell(replica, told)
            await replica.changed()  # nothing was awaited since the state was taken, so no change is missed
    finally:
        _tell(replica, told)


def state_of(replica: Watched, told: State) -> State:
    """The state of `replica` now, when `told` was the last one that was told of.

    Classes that it has begun to serve come in one piece, when no more are restored; how far that is, a metric tells.
    """
    readiness, status = replica.readiness(), own_status(replica)
    others = frozenset(other.slot for other in replica.cluster()) - {readiness.slot}
    if status is None:
        return State(readiness, frozenset(), frozenset(), False, others)
    serving = frozenset(status.serving)
    placed = serving - status.retiring | status.restoring
    return State(readiness, placed, serving & told.serving if status.restoring else serving, status.full, others)


def _tell(replica: Watched, told: State) -> State:
    now = state_of(replica, told)
    for level, event, fields in lines(told, now):
        _LOG.log(level, event, extra=fields)
    return now


def lines(before: State, now: State) -> Iterator[Line]:
    """What to log when `before` was the last state that was told of and this is `now`; nothing if they are the same."""
    was, present = before.readiness, now.readiness
    if (present.slot, present.epoch) != (was.slot, was.epoch):
        if was.slot is not None:
            yield _farewell(was)
        if present.slot is not None:
            yield Line(logging.INFO, "slot_claimed", {"slot": present.slot, "epoch": present.epoch})
        before = NEW._replace(readiness=was)  # all else goes with the slot and needs no lines of its own
    if now.others != before.others:
        yield Line(logging.INFO, "others_changed", {"slots": sorted(now.others)})
    if now.placed != before.placed:
        yield Line(logging.INFO, "placement_followed", _difference(before.placed, now.placed))
    if now.serving != before.serving:
        yield Line(logging.INFO, "serving_changed", _difference(before.serving, now.serving))
    if now.full != before.full:
        yield Line(*((logging.ERROR, "database_full") if now.full else (logging.INFO, "database_has_room")), {})
    if present.ready and not was.ready:
        yield Line(logging.INFO, "ready", {})
    elif not present.ready and present.reason != was.reason:
        yield Line(logging.INFO, "not_ready", {"reason": present.reason})


def _farewell(was: Readiness) -> Line:
    fields: dict[str, object] = {"slot": was.slot, "epoch": was.epoch}
    if was.reason == _LEAVING:
        return Line(logging.INFO, "slot_released", fields)
    return Line(logging.WARNING, "slot_lost", fields)


def _difference(before: frozenset[int], now: frozenset[int]) -> dict[str, object]:
    return {"classes": len(now), "more": sorted(now - before), "less": sorted(before - now)}
