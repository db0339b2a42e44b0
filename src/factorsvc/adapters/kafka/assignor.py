"""Dealing the classes: what each member says when it joins, and what the leader of the group makes of all that.

The brokers carry it without looking. It is JSON: once a rebalance is not often, and people read it in a broken cluster.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from factorsvc.domain.placement import Member, Placement, place

PROTOCOL: Final = "place-1"
"""The rule and how it is written down, by the name that the members of a group must have in common."""


def member_bytes(member: Member) -> bytes:
    """What a member says."""
    views = {name: sorted(getattr(member, name)) for name in ("serving", "restoring", "retiring")}
    return _written(member._asdict() | views)


def member_in(said: bytes) -> Member | None:
    """The member that says this; None: it cannot be understood, and so nothing is placed on it."""
    try:
        found = json.loads(said)
        views = [_numbers(found[name]) for name in ("serving", "restoring", "retiring")]
        slot, epoch = _pair([found["slot"], found["epoch"]])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Member(slot, epoch, *views)


def deal(said: Iterable[bytes], classes: int) -> bytes:
    """What the leader tells everybody: the placement of `classes` classes on the members that said this.

    Never raises: a leader that cannot deal would keep all others waiting.
    """
    members = [member for each in said if (member := member_in(each)) is not None]
    return _written(sorted(place(members, classes).items()))


def placement_in(dealt: bytes, classes: int) -> Placement | None:
    """The placement that was dealt; None: it cannot be understood, or is not one of all `classes` classes."""
    try:
        placement = dict(map(_pair, json.loads(dealt)))
    except (ValueError, TypeError, RecursionError):
        return None
    return placement if placement.keys() == set(range(classes)) else None


def _pair(found: Any) -> tuple[int, int]:
    first, second = _checked(found)
    return first, second


def _numbers(found: Any) -> frozenset[int]:
    return frozenset(_checked(found))


def _checked(found: Any) -> list[int]:
    numbers = list(found)
    if any(type(number) is not int for number in numbers):
        raise TypeError(found)
    return numbers


def _written(said: object) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode("ascii")
