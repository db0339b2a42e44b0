"""A history is recorded as it happens, is kept as text, and is judged again from there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checker import History, Outcome, Verdict, check
from tests.checker.__main__ import main
from tests.checker.answers import is_factorization, is_prime
from tests.checker.stories import factored, history_of

STORY = """
    0-1    post 120 60 ttl=5 until=9
    0.5-2  unknown 30 until=9
    1-2    refused 90
    2-     unknown 90
    2.5    note kill r2
    3-4    get 5 -> 120 60
    3-4    get 7 failed
    4-     get 7 -> 7
"""
LOST = """
    0-1     post 120 60 30 ttl=900
    1.5-2   get 5 -> 120 60 30
    2-3     post 120
    3-4     refused 120
    4-5     get 3 -> 120 60 30
    5       note kill r2
    5-6     unknown 120 ttl=1 until=7
    6-7     get 2 -> 120 60 30
    7       note restart r2
    8-      unknown 120 ttl=100 until=20
    9-9.5   get 2 -> 120 60 30
    10-12   get 5 -> 60 30
    11-12   get 3 -> 120 60 30
    13-14   get 5 -> 120 60 30
"""


def test_operations_are_what_was_recorded() -> None:
    """Each POST has its outcome, unknown if there was no answer; of the GETs there are those that were answered."""
    posts, gets = history_of(STORY).operations()
    assert [(post.request.values, post.outcome, post.answered is None) for post in posts] == [
        ((120, 60), Outcome.STORED, False),
        ((30,), Outcome.UNKNOWN, False),
        ((90,), Outcome.NOTHING_STORED, False),
        ((90,), Outcome.UNKNOWN, True),
    ]
    assert [(get.request.prime, get.answer) for get in gets] == [(5, tuple(factored([120, 60])))]


def test_a_history_survives_its_text() -> None:
    """One JSON object a line; what is read from it is what was written, blank lines or not."""
    history = history_of(STORY)
    lines = list(history.lines())
    assert lines[0] == (
        '{"event": "post", "at_s": 0.0, "number": 1, "client": "client", '
        '"values": [120, 60], "ttl_s": 5.0, "deadline_s": 9.0}'
    )
    assert len(lines) == len(history) == 13
    assert History.parse(["", *(line + "\n" for line in lines)]).events == history.events


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "no event"),
        ("{}", "no event"),
        ('{"event": "party"}', "no event"),
        ('{"event": "note", "at_s": 1}', "no event"),
        ('{"event": "post-answered", "at_s": 1, "number": 1, "outcome": "perhaps"}', "perhaps"),
        ('{"event": "note"', "delimiter"),
    ],
)
def test_what_is_no_history_is_refused(line: str, reason: str) -> None:
    """A file that is damaged gives no verdict."""
    with pytest.raises(ValueError, match=reason):
        History.parse([line])


MISTAKES: dict[str, Callable[[History], object]] = {
    "happened before": lambda history: history.note("late", at_s=0.5),
    "number=3.* answers no open request": lambda history: history.post_answered(3, Outcome.STORED, at_s=1),
    "GetAnswered.* answers no open request": lambda history: history.get_answered(1, [], at_s=1),
    "PostAnswered.* answers no open request": lambda history: history.post_answered(2, Outcome.STORED, at_s=1),
    "ended before it began": lambda history: history.post("c", [1], at_s=1, deadline_s=0.5),
}


@pytest.mark.parametrize(("reason", "mistake"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_of_the_recorder_is_noticed(reason: str, mistake: Callable[[History], object]) -> None:
    """A harness that records nonsense is stopped at once; the history is as it was."""
    history = History()
    post = history.post("c", [120], at_s=1, deadline_s=9)
    get = history.get("c", 5, at_s=1)
    assert (post, get) == (1, 2)
    with pytest.raises(ValueError, match=reason):
        mistake(history)
    history.post_answered(post, Outcome.STORED, at_s=2)
    history.get_answered(get, [], at_s=2)
    with pytest.raises(ValueError, match="answers no open request"):
        history.get_answered(get, [], at_s=3)
    assert len(history) == 4


def test_a_finding_shows_the_fewest_operations() -> None:
    """Of all that happened to a value a finding tells what contradicts itself, and what happened meanwhile."""
    report = check(history_of(LOST))
    assert str(report).splitlines() == [
        "invalid: 2 POSTs stored, 1 POSTs nothing stored, 2 POSTs unknown, 7 GETs answered",
        "value 120: missing from an answer though it must have been stored",
        "         2.000 ..     3.000  client: POST 120 -> stored",
        "         5.000                kill r2",
        "         5.000 ..     6.000  client: POST 120 ttl=1 -> unknown, possible until 7.000",
        "         7.000                restart r2",
        "         8.000 ..         ?  client: POST 120 ttl=100 -> unknown, possible until 20.000",
        "         9.000 ..     9.500  client: GET 2 -> with 120",
        "        10.000 ..    12.000  client: GET 5 -> without 120",
    ]


REASONS = {
    "2 times in one answer": "0-1 post 120\n2-3 get 5 -> 120 120",
    "in an answer though 7 does not divide it": "0-1 post 120\n2-3 get 7 -> 120",
    "seen though nobody had posted it": "0-1 get 5 -> 120",
    "seen though each POST of it was answered that nothing is stored": "0-1 refused 120\n0-1 get 5 -> 120",
    "seen after its time had passed": "0-1 post 120 ttl=1\n5-6 get 5 -> 120",
    "seen though it cannot have been stored at that time": "0-1 unknown 120 until=2\n3-4 get 5 ->\n5-6 get 5 -> 120",
    "missing from an answer though it must have been stored": "0-1 post 120\n2-3 get 5 ->",
}


@pytest.mark.parametrize(("reason", "story"), REASONS.items(), ids=REASONS)
def test_a_finding_says_why(reason: str, story: str) -> None:
    """The first words about a wrong history are the right ones."""
    (finding,) = check(history_of(story)).findings
    assert (finding.value, finding.reason) == (120, reason)


def test_there_are_never_too_many_findings() -> None:
    """A service that has lost everything is not reported value by value."""
    values = " ".join(str(2 * number) for number in range(1, 100))
    assert len(check(history_of(f"0-1 post {values}\n2-3 get 2 ->")).findings) == 10


@pytest.mark.parametrize("factors", [(2, 60), (5, 3, 2, 2, 2), (2, 2, 2, 3), (1, 2, 2, 2, 3, 5), ()])
def test_wrong_factors_are_noticed(factors: tuple[int, ...]) -> None:
    """Factors are prime, ascending, and make the value: in each answer."""
    history = history_of("0-1 post 120\n2-3 get 5 -> 120")
    get = history.get("c", 5, at_s=4)
    history.get_answered(get, [(120, factors)], at_s=5)
    report = check(history)
    assert report.verdict is Verdict.INVALID
    assert report.findings[0].reason == f"given the factors {list(factors)}"


@given(st.integers(0, 10_000))
def test_primes_are_told_by_division(number: int) -> None:
    """The checker's own primality test agrees with the definition."""
    assert is_prime(number) is (number > 1 and all(number % divisor for divisor in range(2, number)))


@pytest.mark.parametrize("number", [2**61 - 1, 2**89 - 1, 2**127 - 1])
def test_large_primes_are_told(number: int) -> None:
    """Mersenne primes are prime, their products are not."""
    assert is_factorization(number * number, (number, number))
    assert not is_prime(number * number)
    assert not is_prime(number * 3)


@pytest.mark.parametrize(
    ("story", "status", "verdict"),
    [("0-1 post 120\n2-3 get 5 -> 120", 0, "valid"), (LOST, 1, "invalid"), ("0-1 post 120", 2, "unknown")],
)
def test_a_kept_history_is_judged_by_a_command(
    story: str, status: int, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m tests.checker FILE` prints the report and exits with the verdict."""
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(history_of(story).lines()))
    assert main([str(file)]) == status
    assert capsys.readouterr().out.startswith(f"{verdict}: ")


def test_the_command_takes_an_epsilon(tmp_path: Path) -> None:
    """`--epsilon-s` is passed on."""
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(history_of("0-1 post 120 ttl=5\n2-3 get 5 -> 120\n7-7 get 5 -> 120").lines()))
    assert main([str(file)]) == 1
    assert main([str(file), "--epsilon-s", "1.5"]) == 0
