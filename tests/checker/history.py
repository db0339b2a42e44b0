"""What clients did and saw: a list of events in the order in which they happened, to be judged by the checker.

An operation is sent and later answered. One that is never answered stays open: a POST may then have taken effect, a
GET says nothing. The order of two events is their order in the list, the times serve for ttls and deadlines; they are
seconds of one clock that never steps back, virtual or monotonic. On disk a history is one JSON object a line.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Self, TypeAlias

Answer: TypeAlias = tuple[tuple[int, tuple[int, ...]], ...]
"""Values with their prime factors, in the order of the body."""


class Outcome(StrEnum):
    """What is known of a POST."""

    STORED = "stored"
    """Answered 200."""
    NOTHING_STORED = "nothing stored"
    """Refused, or a 503 that says so: it never takes effect."""
    UNKNOWN = "unknown"
    """Broken off, unanswered, or a 503 that says so: each value takes effect before the deadline or never."""


class PostSent(NamedTuple):
    """A client sends a POST. `deadline_s`: an instant after which it can take no effect; None if there is none."""

    at_s: float
    number: int
    client: str
    values: tuple[int, ...]
    ttl_s: float | None
    deadline_s: float | None


class PostAnswered(NamedTuple):
    """The client learns, or gives up."""

    at_s: float
    number: int
    outcome: Outcome


class GetSent(NamedTuple):
    """A client sends a GET."""

    at_s: float
    number: int
    client: str
    prime: int


class GetAnswered(NamedTuple):
    """The client has the whole answer, or None: a 503, a connection broken off in the middle."""

    at_s: float
    number: int
    answer: Answer | None


class Note(NamedTuple):
    """Something else that happened, for whoever reads the history: a fault, a change of the number of replicas."""

    at_s: float
    text: str


Event: TypeAlias = PostSent | PostAnswered | GetSent | GetAnswered | Note
KINDS: dict[str, type[Event]] = {
    "post": PostSent,
    "post-answered": PostAnswered,
    "get": GetSent,
    "get-answered": GetAnswered,
    "note": Note,
}
NAMES = {kind: name for name, kind in KINDS.items()}


class Post(NamedTuple):
    """A POST from its sending (position in the list of events) to its answer; `answered` is None while it is open."""

    sent: int
    answered: int | None
    request: PostSent
    outcome: Outcome


class Get(NamedTuple):
    """A GET that was answered."""

    sent: int
    answered: int
    request: GetSent
    answer: Answer


class History:
    """Records events as they happen.

    Raises:
        ValueError: from each recording method: time went backwards, or an answer fits no open request.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._open: dict[int, PostSent | GetSent] = {}
        self._sent = 0

    def __len__(self) -> int:
        return len(self.events)

    def post(
        self, client: str, values: Sequence[int], *, at_s: float, ttl_s: float | None = None, deadline_s: float | None
    ) -> int:
        """A POST is being sent. Return its number, for `post_answered`."""
        self._sent += 1
        self._append(PostSent(at_s, self._sent, client, tuple(values), ttl_s, deadline_s))
        return self._sent

    def post_answered(self, number: int, outcome: Outcome, *, at_s: float) -> None:
        """The POST is over for its client."""
        self._append(PostAnswered(at_s, number, outcome))

    def get(self, client: str, prime: int, *, at_s: float) -> int:
        """A GET is being sent. Return its number, for `get_answered`."""
        self._sent += 1
        self._append(GetSent(at_s, self._sent, client, prime))
        return self._sent

    def get_answered(self, number: int, answer: Iterable[tuple[int, Sequence[int]]] | None, *, at_s: float) -> None:
        """The GET is over for its client; `answer` is None if it did not get all of a 200."""
        entries = None if answer is None else tuple((value, tuple(factors)) for value, factors in answer)
        self._append(GetAnswered(at_s, number, entries))

    def note(self, text: str, *, at_s: float) -> None:
        """Something happened that a reader of this history should know."""
        self._append(Note(at_s, text))

    def operations(self) -> tuple[list[Post], list[Get]]:
        """All POSTs, and all GETs that got an answer, each in the order of their sending. Takes its time."""
        answers: dict[int, tuple[int, PostAnswered | GetAnswered]] = {}
        for position, event in enumerate(self.events):
            if isinstance(event, PostAnswered | GetAnswered):
                answers[event.number] = position, event
        posts: list[Post] = []
        gets: list[Get] = []
        for position, event in enumerate(self.events):
            if not isinstance(event, PostSent | GetSent):
                continue
            answered, reply = answers.get(event.number, (None, None))
            if isinstance(event, PostSent):
                outcome = reply.outcome if isinstance(reply, PostAnswered) else Outcome.UNKNOWN
                posts.append(Post(position, answered, event, outcome))
            elif answered is not None and isinstance(reply, GetAnswered) and reply.answer is not None:
                gets.append(Get(position, answered, event, reply.answer))
        return posts, gets

    def lines(self) -> Iterator[str]:
        """The history as JSON, one event a line, without line ends."""
        return (json.dumps({"event": NAMES[type(event)], **event._asdict()}) for event in self.events)

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Self:
        """The history that `lines` are the lines of; blank ones are skipped.

        Raises:
            ValueError: some line is no event, or does not follow from those before it.
        """
        history = cls()
        for line in filter(str.strip, lines):
            history._append(_event(json.loads(line)))
        return history

    def _append(self, event: Event) -> None:
        if isinstance(event, PostSent) and event.deadline_s is not None and event.deadline_s < event.at_s:
            raise ValueError(f"{event} ended before it began")
        if self.events and event.at_s < self.events[-1].at_s:
            raise ValueError(f"{event} happened before {self.events[-1]}")
        if isinstance(event, PostSent | GetSent):
            self._open[event.number] = event
        elif not isinstance(event, Note):
            request = PostSent if isinstance(event, PostAnswered) else GetSent
            is_open = isinstance(self._open.get(event.number), request)
            if not is_open:
                raise ValueError(f"{event} answers no open request")
            del self._open[event.number]
        self.events.append(event)


def _event(fields: dict[str, Any]) -> Event:
    try:
        event = KINDS[fields.pop("event")](**fields)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no event: {fields}") from error
    if isinstance(event, PostSent):
        return event._replace(values=tuple(event.values))
    if isinstance(event, PostAnswered):
        return event._replace(outcome=Outcome(event.outcome))
    if isinstance(event, GetAnswered) and event.answer is not None:
        return event._replace(answer=tuple((value, tuple(factors)) for value, factors in event.answer))
    return event


class Ranks:
    """Places events and instants in one order of integers. Events have odd ranks, instants lie between events.

    An instant counts for all events that have exactly its time: a span that starts there has them inside, and so has
    one that ends there. (The intervals are closed: nobody knows the order of what happened at the same time.)
    """

    NEVER = 1 << 62

    def __init__(self, history: History) -> None:
        self._times = [event.at_s for event in history.events]

    @staticmethod
    def of(position: int) -> int:
        """The rank of an event."""
        return 2 * position + 1

    def start(self, at_s: float) -> int:
        """The rank of the start of a span."""
        return 2 * bisect_left(self._times, at_s)

    def end(self, at_s: float) -> int:
        """The rank of the end of a span."""
        return 2 * bisect_right(self._times, at_s)
