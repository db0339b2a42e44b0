"""The checker on histories whose verdict is known: each of them is a way to keep or to break P5, P6 or P8.

They stand in `histories/*.txt`: a title, and below it a story as `tests.checker.stories` reads it.
"""

from pathlib import Path

import pytest

from tests.checker import Verdict, check
from tests.checker.stories import history_of

FOLDER = Path(__file__).parent / "histories"


def stories(name: str) -> pytest.MarkDecorator:
    """A test for each story of a file."""
    told = dict(text.split("\n", 1) for text in (FOLDER / f"{name}.txt").read_text().split("\n\n"))
    return pytest.mark.parametrize("story", list(told.values()), ids=list(told))


@stories("valid")
def test_valid(story: str) -> None:
    """Some order of the operations explains every answer."""
    report = check(history_of(story))
    assert report.verdict is Verdict.VALID, report


@stories("invalid")
def test_invalid(story: str) -> None:
    """No order of the operations explains every answer, and the finding names the value."""
    report = check(history_of(story))
    assert report.verdict is Verdict.INVALID, report
    assert {finding.value for finding in report.findings} <= {90, 120}


@stories("unknown")
def test_unknown(story: str) -> None:
    """A history that proves nothing is not valid."""
    report = check(history_of(story))
    assert report.verdict is Verdict.UNKNOWN, report
    assert report.doubts


@stories("excused")
def test_clocks_that_differ_are_an_excuse(story: str) -> None:
    """With an epsilon of 2 s an expiry is not one instant for all replicas; with none it is."""
    history = history_of(story)
    assert check(history, epsilon_s=2).verdict is Verdict.VALID
    assert check(history).verdict is Verdict.INVALID


@stories("not_excused")
def test_clocks_that_differ_do_not_excuse_everything(story: str) -> None:
    """An epsilon of 2 s excuses nothing that is further from the expiry, and nothing else."""
    assert check(history_of(story), epsilon_s=2).verdict is Verdict.INVALID
