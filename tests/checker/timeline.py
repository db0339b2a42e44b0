"""What a history says about one value: puts that set it, and reads that did or did not see it.

This is where ttl and deadlines become ranks. A put that is not optional has taken effect between its start and its end;
an optional one did so or never does. A value that expires does so at one instant of the cluster's clock, fixed when the
put was made, so between (start + ttl) and (end + ttl): its `fading`.
"""

import itertools
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from tests.checker.history import Get, History, Outcome, Post, Ranks


class Put(NamedTuple):
    """A POST, as far as it is about one value."""

    start: int
    end: int
    optional: bool
    fades: int
    """From here on the value may have expired; `Ranks.NEVER` without a ttl."""
    gone: int
    """From here on it has."""
    post: Post


class Read(NamedTuple):
    """A GET, as far as it is about one value."""

    start: int
    end: int
    present: bool
    get: Get


class Track:
    """All answered GETs of one prime, in the order of their sending."""

    def __init__(self, gets: list[Get]) -> None:
        self.gets = gets
        self.starts = [Ranks.of(get.sent) for get in gets]
        self.ends = [Ranks.of(get.answered) for get in gets]
        self.answers = [frozenset(dict(get.answer)) for get in gets]
        self.latest_ends = list(itertools.accumulate(self.ends, max))
        """For each GET the latest end among it and all before it."""
        self.seen = frozenset[int]().union(*self.answers)
        """All values that were in an answer."""

    def sees(self, value: int) -> bytes:
        """For each GET 1 if `value` is in its answer, else 0."""
        return bytes([value in answer for answer in self.answers])

    def between(self, low: int, high: int) -> tuple[int, int]:
        """The range of the GETs that started between two ranks."""
        return bisect_right(self.starts, low), bisect_left(self.starts, high)

    def across(self, rank: int) -> list[int]:
        """The GETs that started before `rank` and ended after it."""
        found = []
        index = bisect_left(self.starts, rank) - 1
        while index >= 0 and self.latest_ends[index] > rank:
            if self.ends[index] > rank:
                found.append(index)
            index -= 1
        return found


class Timeline(NamedTuple):
    """One value's puts and the tracks that tell of it."""

    value: int
    puts: list[Put]
    tracks: list[Track]


def timelines(history: History, epsilon_s: float) -> Iterator[Timeline]:
    """The timelines of all values that were posted or seen, in ascending order.

    `epsilon_s` is how far a replica's idea of the cluster's time may be from the history's clock.
    """
    posts, gets = history.operations()
    ranks = Ranks(history)
    gets_of: defaultdict[int, list[Get]] = defaultdict(list)
    for get in gets:
        gets_of[get.request.prime].append(get)
    tracks = {prime: Track(gets) for prime, gets in gets_of.items()}
    puts: defaultdict[int, list[Put]] = defaultdict(list)
    for post in posts:
        if post.outcome is not Outcome.NOTHING_STORED:
            put = _put(post, history, ranks, epsilon_s)
            for value in set(post.request.values):
                puts[value].append(put)
    for value in sorted({*puts, *itertools.chain.from_iterable(track.seen for track in tracks.values())}):
        yield Timeline(value, puts[value], [track for prime, track in tracks.items() if value % prime == 0])


def _put(post: Post, history: History, ranks: Ranks, epsilon_s: float) -> Put:
    request = post.request
    end, end_s = Ranks.NEVER, inf
    if post.outcome is Outcome.STORED and post.answered is not None:
        end, end_s = Ranks.of(post.answered), history.events[post.answered].at_s
    elif request.deadline_s is not None:
        end, end_s = ranks.end(request.deadline_s), request.deadline_s
    fades = gone = Ranks.NEVER
    if request.ttl_s is not None:
        fades = ranks.start(request.at_s + request.ttl_s - epsilon_s)
        gone = ranks.end(end_s + request.ttl_s + epsilon_s) if end_s < inf else Ranks.NEVER
    return Put(Ranks.of(post.sent), end, post.outcome is Outcome.UNKNOWN, fades, gone, post)
