"""What a broker answers to a fetch of several classes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from factorsvc.adapters.kafka.fetched import Fetched
from factorsvc.adapters.kafka.topics import require


class Answer(NamedTuple):
    """What a broker said."""

    asked: Mapping[int, int]
    """By class the offset that was asked for."""
    found: Mapping[int, Fetched]
    """By class what comes from there on, if there is something."""
    behind: frozenset[int]
    """Classes of which there is more, and nothing came."""
    moved: Mapping[int, int]
    """The beginnings of classes that were asked for from 0, and do not begin there any more."""
    out_of_range: frozenset[int]


def answer_in(
    asked: Mapping[int, int], partitions: Sequence[tuple[Any, ...]], moved: Mapping[int, int], rejected: frozenset[int]
) -> Answer:
    """What `partitions` of a fetch answer say; `moved` and `rejected` are known already.

    Raises:
        NotYetError, JournalUnavailableError: a class was not read, and its leader may be another one.
    """
    found, behind = {}, set()
    for class_id, code, end, *_, data in partitions:
        if class_id in rejected or class_id in moved:
            continue
        require(code, f"to read class {class_id}")
        fetched = Fetched(class_id, asked[class_id], data or b"")
        if not fetched.is_empty:
            found[class_id] = fetched
        elif end > asked[class_id]:
            behind.add(class_id)
    return Answer(asked, found, frozenset(behind), moved, rejected)
