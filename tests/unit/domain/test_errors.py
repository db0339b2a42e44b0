"""The tree of errors: the picture is the code, and each leaf carries its facts."""

import inspect
import re
from collections.abc import Iterator

import pytest

from factorsvc.domain import errors
from factorsvc.domain.errors import (
    BatchTooLargeError,
    ClusterError,
    ClusterFullError,
    FactoringTimeoutError,
    FactorsvcError,
    InvalidNumberError,
    InvalidTtlError,
    JournalMismatchError,
    NotCoveredError,
    NotPrimeError,
    NotReadyError,
    NumberTooLargeError,
    OutOfRangeError,
    OverloadedError,
    ReplicaError,
    RequestError,
    SlotLostError,
    StorageMismatchError,
)

ABSTRACT = {FactorsvcError, RequestError, ReplicaError, ClusterError}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FactorsvcError)]

EXAMPLES: list[tuple[FactorsvcError, dict[str, object], str]] = [
    (InvalidNumberError(3), {"index": 3}, "element 3 is not an integer of at least 1"),
    (InvalidTtlError(60), {"limit_s": 60}, "ttl must be one integer of seconds from 1 to 60"),
    (
        NumberTooLargeError(256, index=3),
        {"limit_bits": 256, "index": 3},
        "element 3 has more than 256 bits",
    ),
    (NumberTooLargeError(256), {"limit_bits": 256, "index": None}, "the number has more than 256 bits"),
    (BatchTooLargeError(10_000), {"limit": 10_000}, "more than 10000 numbers in one request"),
    (NotPrimeError(-4), {"number": -4}, "-4 is not a prime"),
    (
        FactoringTimeoutError(91, limit_s=10.0),
        {"number": 91, "limit_s": 10.0},
        "91 could not be factored within 10 s",
    ),
    (NotReadyError("no slot"), {"reason": "no slot"}, "not ready: no slot"),
    (OverloadedError("requests"), {"what": "requests"}, "overloaded: requests"),
    (SlotLostError(3), {"slot": 3}, "slot 3 is lost"),
    (StorageMismatchError(["too old", "too small"]), {"faults": ("too old", "too small")}, "too old; too small"),
    (NotCoveredError({9, 2}), {"classes": (2, 9)}, "classes not answered in time: 2"),
    (
        JournalMismatchError("partitions", found="60", wanted="61"),
        {"setting": "partitions", "found": "60", "wanted": "61"},
        "the journal has partitions = 60, not 61",
    ),
    (OutOfRangeError(7), {"class_id": 7}, "position of class 7 is out of the journal's range"),
    (ClusterFullError({9, 2}), {"slots": (2, 9)}, "no room: the database is full"),
]
"""Each error that has facts, with its fields and its message."""

BRANCH = re.compile(r"    (?P<lines>[ |`-]*)(?P<name>\w+Error)\s*(?P<words>.*)")
"""A line of the tree: four more characters of `lines` are one level more."""


def drawn() -> Iterator[tuple[str, str | None, str]]:
    """Each error of the tree in the module's docstring, which one it is a kind of, and the words beside it."""
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if branch := BRANCH.fullmatch(line):
            depth = len(branch["lines"]) // 4
            path[depth:] = [branch["name"]]
            yield branch["name"], path[depth - 1] if depth else None, branch["words"]


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    branches = [(name, above) for name, above, _ in drawn()]
    bases = [(kind.__name__, [base.__name__ for base in kind.__bases__]) for kind in KINDS]

    assert sorted((name, [above or "Exception"]) for name, above in branches) == sorted(bases)


def test_every_error_but_the_root_says_in_the_tree_what_it_means() -> None:
    assert [name for name, above, words in drawn() if above and not words] == []


def test_abstract_are_the_root_and_whose_fault_it_is() -> None:
    assert {kind for kind in KINDS if (kind.__doc__ or "").endswith("Abstract.")} == ABSTRACT


@pytest.mark.parametrize(
    ("error", "facts", "message"), EXAMPLES, ids=[type(example[0]).__name__ for example in EXAMPLES]
)
def test_an_error_carries_its_facts_as_fields(error: FactorsvcError, facts: dict[str, object], message: str) -> None:
    assert vars(error) == facts
    assert str(error) == message


def test_every_error_with_facts_is_among_the_examples() -> None:
    with_facts = {kind for kind in KINDS if "__init__" in vars(kind)}

    assert {type(error) for error, _, _ in EXAMPLES} == with_facts
