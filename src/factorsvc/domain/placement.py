"""The placement rule: which slot is to hold which class, as a pure function of who is alive and what their views hold.

Every class is placed on exactly one live slot; the slots' numbers of classes differ by at most one; of all placements
that do so this one moves the fewest classes; among those it has the least sum of ranks of what stays: 0 for a class
that its slot serves, 1 for one that it restores, 2 for one that it retires. Exact, not greedy: greedy is up to 7 moves
off where two members hold one class.

It is an assignment problem: rows are classes, columns are seats at slots, costs say how far the view at that slot is.
Each slot has n // slots seats that must be taken and one more that may be; rows that stand for nobody fill the latter.
Solved with the shortest augmenting paths of Jonker and Volgenant, "A Shortest Augmenting Path Algorithm for Dense and
Sparse Linear Assignment Problems", Computing 38 (1987), in the form with potentials that is known as the Hungarian
method, O(rows^2 * columns).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

_SERVING, _RESTORING, _RETIRING = 0, 1, 2


class Member(NamedTuple):
    """A live replica as the placement sees it: its claim, and the classes of its view by how far they are."""

    slot: int
    epoch: int
    serving: frozenset[int] = frozenset()
    restoring: frozenset[int] = frozenset()
    retiring: frozenset[int] = frozenset()
    """Retiring, or found in the database and not opened yet."""


Placement = Mapping[int, int]
"""Class -> the slot that is to hold it."""


def of_largest_epoch(members: Iterable[Member]) -> list[Member]:
    """Of members with one slot only the one with the largest epoch counts: a woken zombie gets nothing. By slot."""
    by_slot: dict[int, Member] = {}
    for member in members:
        rival = by_slot.get(member.slot)
        if rival is None or _seniority(rival) < _seniority(member):
            by_slot[member.slot] = member
    return [by_slot[slot] for slot in sorted(by_slot)]


def _seniority(member: Member) -> tuple[object, ...]:
    """By epoch; then, for two members of one claim, one of which is about to go, by anything that tells them apart."""
    return member.epoch, sorted(member.serving), sorted(member.restoring), sorted(member.retiring)


def place(members: Iterable[Member], classes: int) -> Placement:
    """Place `classes` classes on `members`; nobody alive: the empty placement. Deterministic."""
    slots = of_largest_epoch(members)
    if not slots:
        return {}
    quota, spare = divmod(classes, len(slots))
    seats = [(member, False) for member in slots for _ in range(quota)] + [(member, True) for member in slots]
    move = _RETIRING * classes + 1  # dearer than all preferences together
    never = move * classes + 1  # dearer than all moves together
    held = {member.slot: _held(member) for member in slots}
    rows = [[held[member.slot].get(class_id, move) for member, _ in seats] for class_id in range(classes)]
    nobody = [0 if optional else never for _, optional in seats]
    rows += [nobody] * (len(slots) - spare)
    columns = assign(rows)
    return {class_id: seats[columns[class_id]][0].slot for class_id in range(classes)}


def _held(member: Member) -> dict[int, int]:
    """Rank of each class that the member's view holds."""
    return (
        dict.fromkeys(member.retiring, _RETIRING)
        | dict.fromkeys(member.restoring, _RESTORING)
        | dict.fromkeys(member.serving, _SERVING)
    )


def assign(cost: Sequence[Sequence[int]]) -> list[int]:
    """Return for each row of the square matrix `cost` its column, each column once, at the least total cost."""
    size = len(cost)
    row_potential = [0.0] * (size + 1)
    column_potential = [0.0] * (size + 1)
    row_of = [0] * (size + 1)  # by column, both from 1; column 0 is where a row waits that has none yet
    for row in range(1, size + 1):
        row_of[0] = row
        _augment(cost, row_potential, column_potential, row_of)
    columns = [0] * size
    for column in range(1, size + 1):
        columns[row_of[column] - 1] = column - 1
    return columns


def _augment(
    cost: Sequence[Sequence[int]], row_potential: list[float], column_potential: list[float], row_of: list[int]
) -> None:
    """Give the row that waits in column 0 a column, along the shortest augmenting path; adjust the potentials."""
    size = len(cost)
    distance = [inf] * (size + 1)
    came_from = [0] * (size + 1)
    open_columns = set(range(1, size + 1))
    visited = [0]
    column = 0
    while row_of[column]:
        row = row_of[column]
        costs, potential = cost[row - 1], row_potential[row]
        for other in open_columns:
            reduced = costs[other - 1] - potential - column_potential[other]
            if reduced < distance[other]:
                distance[other], came_from[other] = reduced, column
        nearest = min(open_columns, key=lambda other: (distance[other], other))
        step = distance[nearest]
        for seen in visited:
            row_potential[row_of[seen]] += step
            column_potential[seen] -= step
        for other in open_columns:
            distance[other] -= step
        open_columns.remove(nearest)
        visited.append(nearest)
        column = nearest
    while column:
        row_of[column] = row_of[came_from[column]]
        column = came_from[column]
