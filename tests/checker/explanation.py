"""Why a history is wrong, for people: the fewest operations that already contradict each other."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from tests.checker.history import History, Note, Outcome, Post, Ranks
from tests.checker.search import BudgetExceededError
from tests.checker.timeline import Put, Read

Question: TypeAlias = Callable[[Sequence[Put], Sequence[Read]], Read | None]
"""Which is the first of these reads that these puts do not explain? None if there is none."""


class Finding(NamedTuple):
    """One value about which the history is wrong."""

    value: int
    reason: str
    operations: tuple[str, ...]
    """The operations, and notes between them, that show it: one line each, in the order of their starts."""

    def __str__(self) -> str:
        return "\n    ".join([f"value {self.value}: {self.reason}", *self.operations])


def explain(history: History, value: int, puts: Sequence[Put], reads: Sequence[Read], question: Question) -> Finding:
    """The finding about `value`, some of whose `reads` cannot be explained by its `puts`."""

    def contradict(some: Sequence[Read]) -> bool:
        try:
            return question(puts, some) is not None
        except BudgetExceededError:
            return False

    witnesses = _fewest(reads, contradict)
    begin, last = min(read.start for read in witnesses), max(witnesses, key=lambda read: read.end)
    posts, _ = history.operations()
    refused = [post for post in posts if post.outcome is Outcome.NOTHING_STORED and value in post.request.values]
    lines = [_line_of_post(history, value, put.post) for put in puts if _matters(put, puts, begin, last.end)]
    lines += [
        _line_of_post(history, value, post) for post in refused if not puts or begin <= Ranks.of(post.sent) <= last.end
    ]
    lines += [line_of_read(history, value, read) for read in witnesses]
    lines += [
        (position, f"{event.at_s:10.3f}                {event.text}")
        for position, event in enumerate(history.events)
        if isinstance(event, Note) and min(lines)[0] < position < last.get.answered
    ]
    return Finding(value, _reason(puts, refused, last), tuple(line for _, line in sorted(lines)))


def _fewest(reads: Sequence[Read], contradict: Callable[[Sequence[Read]], bool]) -> list[Read]:
    """A part of `reads` that contradicts the puts, and that nearly always does so no longer when one is left out."""
    kept = sorted(reads, key=lambda read: read.end)
    size = len(kept)
    while size := size // 2:
        start = 0
        while start < len(kept):
            rest = kept[:start] + kept[start + size :]
            if contradict(rest):
                kept = rest
            else:
                start += size
    return kept


def _matters(put: Put, puts: Sequence[Put], begin: int, end: int) -> bool:
    """Whether `put` started before `end` and was not surely replaced before `begin`."""
    return put.start < end and not any(
        put.end < other.start and other.end < begin and not other.optional for other in puts
    )


def _reason(puts: Sequence[Put], refused: Sequence[Post], last: Read) -> str:
    if not last.present:
        return "missing from an answer though it must have been stored"
    earlier = [put for put in puts if put.start < last.end]
    if not earlier and not refused:
        return "seen though nobody had posted it"
    if not earlier:
        return "seen though each POST of it was answered that nothing is stored"
    if all(put.gone < last.start for put in earlier):
        return "seen after its time had passed"
    return "seen though it cannot have been stored at that time"


def _line_of_post(history: History, value: int, post: Post) -> tuple[int, str]:
    request = post.request
    others = len(set(request.values)) - 1
    what = f"POST {value}{f' and {others} more' * bool(others)}"
    ttl = "" if request.ttl_s is None else f" ttl={request.ttl_s:g}"
    until = ""
    if post.outcome is Outcome.UNKNOWN:
        until = ", possible for ever" if request.deadline_s is None else f", possible until {request.deadline_s:.3f}"
    line = _line(history, post.sent, post.answered, request.client, f"{what}{ttl} -> {post.outcome}{until}")
    return post.sent, line


def line_of_read(history: History, value: int, read: Read) -> tuple[int, str]:
    """The position of a read in the history, and a line that tells of it."""
    get = read.get
    text = f"GET {get.request.prime} -> {'with' if read.present else 'without'} {value}"
    return get.sent, _line(history, get.sent, get.answered, get.request.client, text)


def _line(history: History, sent: int, answered: int | None, client: str, text: str) -> str:
    until = "         ?" if answered is None else f"{history.events[answered].at_s:10.3f}"
    return f"{history.events[sent].at_s:10.3f} ..{until}  {client}: {text}"
