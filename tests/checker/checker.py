"""The judge: does a history keep the promises P5, P6 and P8, value by value?

Three verdicts, as Jepsen has them: a history in which nothing was stored or nothing was read, or whose check was given
up, proves nothing and is *unknown*, not valid.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from tests.checker.answers import Inspection
from tests.checker.explanation import Finding, explain, line_of_read
from tests.checker.history import Get, History, Outcome
from tests.checker.reduction import reduced_reads
from tests.checker.search import BudgetExceededError, first_inexplicable
from tests.checker.timeline import Read, timelines

BUDGET = 30_000_000
"""Comparisons of one search; that many take some seconds."""
MOST_FINDINGS = 10


class Verdict(StrEnum):
    """What a check says."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class Report(NamedTuple):
    """A verdict and what it rests on."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    """Why it is invalid, at most `MOST_FINDINGS`."""
    doubts: tuple[str, ...]
    """Why it is unknown."""
    summary: str

    def __str__(self) -> str:
        return "\n".join([f"{self.verdict}: {self.summary}", *self.doubts, *map(str, self.findings)])


def check(history: History, *, epsilon_s: float = 0.0, budget: int = BUDGET) -> Report:
    """Judge `history`.

    `epsilon_s` is how far a replica's idea of the cluster's time may be from the history's clock. With 0 an
    expiry is one instant: who does not see a value any more is followed by nobody who does. Else a value may
    come and go from epsilon before the earliest to epsilon after the latest instant at which it can have expired.
    `budget` bounds the work of each search for an order.
    """
    posts, gets = history.operations()
    outcomes = [post.outcome for post in posts]
    doubts = ["no POST was stored: there is nothing to read"] * (Outcome.STORED not in outcomes)
    doubts += ["no GET was answered: nobody looked"] * (not gets)
    faults = _faults_of_answers(history, gets)
    faults_of_values = _faults_of_values(history, epsilon_s, budget, doubts)
    findings = tuple(islice(chain(faults, faults_of_values), MOST_FINDINGS))
    verdict = Verdict.INVALID if findings else Verdict.UNKNOWN if doubts else Verdict.VALID
    counts = [f"{outcomes.count(outcome)} POSTs {outcome}" for outcome in Outcome]
    return Report(verdict, findings, tuple(doubts), ", ".join([*counts, f"{len(gets)} GETs answered"]))


def _faults_of_answers(history: History, gets: Sequence[Get]) -> Iterator[Finding]:
    inspection = Inspection()
    for get in gets:
        for value, fault in inspection.faults_of(get):
            read = Read(get.sent, get.answered, present=True, get=get)
            yield Finding(value, fault, (line_of_read(history, value, read)[1],))


def _faults_of_values(history: History, epsilon_s: float, budget: int, doubts: list[str]) -> Iterator[Finding]:
    question = partial(first_inexplicable, lenient=epsilon_s > 0, budget=budget)
    for timeline in timelines(history, epsilon_s):
        reads = reduced_reads(timeline)
        try:
            if (last := question(timeline.puts, reads)) is not None:
                until = [read for read in reads if read.end <= last.end]
                yield explain(history, timeline.value, timeline.puts, until, question)
        except BudgetExceededError:
            doubts.append(f"value {timeline.value}: too many possibilities, given up")
