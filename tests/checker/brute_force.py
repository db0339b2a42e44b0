"""The checker's checker: tries every order of a tiny history, straight from the definition."""

from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

from tests.checker.history import History, Outcome

Key: TypeAlias = tuple[float, float]
"""Time, then place among events of that time: instants that start a span come before them, that end one after."""

Puts: TypeAlias = frozenset["Point | None"]


@dataclass(frozen=True, eq=False)
class Point:
    """An operation, or an expiry, that gets one point in time between two keys."""

    start: Key
    end: Key
    kind: Literal["put", "present", "absent", "fade", "expire"]
    put: "Point | None" = None
    """Whose expiry this is."""
    optional: bool = False


def is_valid(history: History, *, epsilon_s: float = 0.0) -> bool:
    """Whether each value has an order that explains all reads of it. Takes time without bound."""
    posts, gets = history.operations()
    values = {value for post in posts for value in post.request.values} | {v for get in gets for v, _ in get.answer}
    return all(_explicable(_points(history, value, epsilon_s), None, frozenset(), frozenset()) for value in values)


def _points(history: History, value: int, epsilon_s: float) -> list[Point]:
    posts, gets = history.operations()
    points: list[Point] = []

    def key(position: int) -> Key:
        return history.events[position].at_s, position

    for get in gets:
        if value % get.request.prime == 0:
            seen = value in dict(get.answer)
            points.append(Point(key(get.sent), key(get.answered), "present" if seen else "absent"))
    for post in posts:
        request = post.request
        if value not in request.values or post.outcome is Outcome.NOTHING_STORED:
            continue
        end: Key = (inf if request.deadline_s is None else request.deadline_s, inf)
        if post.outcome is Outcome.STORED and post.answered is not None:
            end = key(post.answered)
        put = Point(key(post.sent), end, "put", optional=post.outcome is Outcome.UNKNOWN)
        points.append(put)
        if request.ttl_s is not None:
            first: Key = (request.at_s + request.ttl_s - epsilon_s, -inf)
            last: Key = (end[0] + request.ttl_s + epsilon_s, inf)
            if epsilon_s > 0:
                points += [Point(first, first, "fade", put), Point(last, last, "expire", put)]
            else:
                points.append(Point(first, last, "expire", put))
    return points


def _explicable(left: list[Point], state: Point | None, fading: Puts, gone: Puts) -> bool:
    """Whether some order of what is left can follow on `state`, the put that the value had last."""
    for point in left:
        # What is optional and would have to come before this point never comes.
        rest = [other for other in left if other is not point and not (other.optional and other.end < point.start)]
        if any(other.end < point.start for other in rest):
            continue
        is_there = state is not None and state not in gone
        if (point.kind == "present" and not is_there) or (point.kind == "absent" and is_there and state not in fading):
            continue
        next_state = point if point.kind == "put" else state
        next_fading = fading | {point.put} if point.kind == "fade" else fading
        next_gone = gone | {point.put} if point.kind == "expire" else gone
        if _explicable(rest, next_state, next_fading, next_gone):
            return True
    return all(point.optional for point in left)
