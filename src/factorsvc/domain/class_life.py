"""The life of a class on a replica, as one table (design 8).

::

    absent --> restoring --> serving --> retiring --> absent
                 |  ^           |         |  |
                 |  '-----------'         |  '--> serving       given back meanwhile
                 '--> absent              '--> absent           its view became worthless

    restoring --> restoring     its view became worthless: from the journal's beginning

All that changes the life of a class is in this file; an event that the table lacks raises and changes nothing.
"""

from enum import Enum, auto


class ClassLife(Enum):
    """Where a class stands on this replica."""

    ABSENT = auto()
    """Not placed here, and no view of it in use. Leftovers in the database may exist."""
    RESTORING = auto()
    """Placed here; its view is being brought to the journal's end, from its position or from the beginning."""
    SERVING = auto()
    """Placed here, applied as the journal grows, and answered for."""
    RETIRING = auto()
    """Placed elsewhere, still applied and answered for until the successor serves it."""


class ClassEvent(Enum):
    """What can happen to a class on this replica."""

    PLACED = auto()
    """The placement gives it to this replica."""
    MOVED = auto()
    """The placement gives it to another replica, or to none."""
    CAUGHT_UP = auto()
    """Its view has applied the journal up to the end that was read after restoring began."""
    WORTHLESS = auto()
    """Its view was wiped, is too old, or is another journal's."""
    SUCCEEDED = auto()
    """The successor serves it and nobody relies on this replica's answers for it any more; or the wait is over."""


TRANSITIONS: dict[tuple[ClassLife, ClassEvent], ClassLife] = {
    (ClassLife.ABSENT, ClassEvent.PLACED): ClassLife.RESTORING,
    (ClassLife.RESTORING, ClassEvent.CAUGHT_UP): ClassLife.SERVING,
    (ClassLife.RESTORING, ClassEvent.WORTHLESS): ClassLife.RESTORING,
    (ClassLife.RESTORING, ClassEvent.MOVED): ClassLife.ABSENT,
    (ClassLife.SERVING, ClassEvent.WORTHLESS): ClassLife.RESTORING,
    (ClassLife.SERVING, ClassEvent.MOVED): ClassLife.RETIRING,
    (ClassLife.RETIRING, ClassEvent.PLACED): ClassLife.SERVING,
    (ClassLife.RETIRING, ClassEvent.WORTHLESS): ClassLife.ABSENT,
    (ClassLife.RETIRING, ClassEvent.SUCCEEDED): ClassLife.ABSENT,
}

ANSWERING = frozenset({ClassLife.SERVING, ClassLife.RETIRING})
"""The lives in which a replica answers for a class."""


class IllegalTransitionError(Exception):
    """A class cannot take this event in its present life: a fault of the program, never of the outside."""


def advance(life: ClassLife, event: ClassEvent) -> ClassLife:
    """Return the life that follows `life` on `event`.

    Raises:
        IllegalTransitionError: the table has no such transition.
    """
    try:
        return TRANSITIONS[life, event]
    except KeyError as error:
        raise IllegalTransitionError(f"{event.name} in {life.name}") from error
