"""What replicas say to each other about a GET: questions, and answers in frames, one part a class (design 9).

A part is whole for its class, or its first page with a cursor to ask on with, or a refusal that says why. So the asker
can put parts from several replicas together and never has to guess what silence means.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple


class Cursor(NamedTuple):
    """Where a long answer goes on. It is good for the view it came from only: the class as loaded by `load_id`."""

    load_id: bytes
    position: bytes
    """Opaque; the storage's own."""


class Page(NamedTuple):
    """Members of one prime in one class, and where to go on if there are more."""

    members: bytes
    """One a line, see `factorsvc.domain.value`; empty: none."""
    cursor: Cursor | None


class ReadIndex(NamedTuple):
    """The moment as of which a GET is answered (P5): after it was sent, and no later than any offset asked for."""

    as_of_ms: int
    """Cluster time by which expiry is judged; from before the offsets were asked for."""
    offsets: Mapping[int, int]
    """By class, what a view must have applied."""

    def of(self, classes: Iterable[int]) -> "ReadIndex":
        """The same moment for some classes only."""
        return ReadIndex(self.as_of_ms, {class_id: self.offsets[class_id] for class_id in classes})


class Question(NamedTuple):
    """Ask the replica that holds a slot for the values that have some primes, in some classes."""

    question_id: bytes
    reply_to: int
    """The slot of the asker."""
    primes: Sequence[int]
    """Distinct. Exactly one where a cursor is given."""
    read_index: ReadIndex
    """Of the wanted classes."""
    deadline_ms: int
    """Cluster time after which nobody waits for the answer any more."""
    cursor: Cursor | None = None
    """Go on from here, in the only class of `read_index`."""


class RefusalReason(Enum):
    """Why a replica does not answer for a class, and what the asker should do."""

    NOT_SERVING = "ask who serves it"
    TOO_LATE = "the read index was not reached in time: ask another, if there is time"
    GONE = "the view that the cursor came from is no more: begin the class again, with whoever serves it"
    OVERLOADED = "too many questions: ask later"


class Answered(NamedTuple):
    """The part of a frame that answers for one class: a page for each prime of the question, in its order."""

    class_id: int
    pages: Sequence[Page]


class Refused(NamedTuple):
    """The part of a frame that refuses one class."""

    class_id: int
    reason: RefusalReason


Part = Answered | Refused


class Frame(NamedTuple):
    """An answer to a question, or a piece of it: each class's part is whole."""

    question_id: bytes
    slot: int
    """Who answers."""
    parts: Sequence[Part]


def pack(question_id: bytes, slot: int, parts: Iterable[Part], limit: int) -> list[Frame]:
    """Put `parts` into as few frames as keep their order and hold at most `limit` bytes; a larger part has its own."""
    frames: list[Frame] = []
    current: list[Part] = []
    size = 0
    for part in parts:
        weight = sum(len(page.members) for page in part.pages) if isinstance(part, Answered) else 0
        if current and size + weight > limit:
            frames.append(Frame(question_id, slot, current))
            current, size = [], 0
        current.append(part)
        size += weight
    return [*frames, Frame(question_id, slot, current)] if current else frames


Message = Question | Frame
"""What a mailbox carries."""
