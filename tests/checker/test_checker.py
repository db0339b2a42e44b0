"""The checker on histories that nobody wrote by hand: against brute force, and against a service that is right."""

from functools import partial
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.checker import Outcome, Verdict, check, search
from tests.checker.brute_force import is_valid
from tests.checker.reduction import reduced_reads
from tests.checker.right_service import SPAN_S, Served, serve
from tests.checker.search import Configuration, Configurations, Search
from tests.checker.stories import history_of
from tests.checker.timeline import Read, Timeline, timelines

PRIMES = (2, 3, 5)
VALUES = (120, 60, 30, 6, 10, 15)
NEVER_POSTED = 90
BUDGET = 100_000

seeds = st.integers(0, 2**32)


@st.composite
def tiny_stories(draw: st.DrawFn) -> str:
    """A few operations on one value, at whole seconds, with answers that nobody has thought about."""
    instants = st.integers(0, 8)
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        start, end = sorted((draw(instants), draw(instants)))
        verb = draw(st.sampled_from(["post", "post", "refused", "unknown"]))
        ttl = draw(st.sampled_from(["", "ttl=1", "ttl=2", "ttl=4"]))
        until = draw(st.sampled_from(["", f"until={start + 3}", f"until={start + 6}"]))
        lines.append(f"{start}-{end} {verb} 120 {ttl} {until}")
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(instants), draw(instants)))
        lines.append(f"{start}-{end} get {draw(st.sampled_from(PRIMES))} -> {draw(st.sampled_from(['', '120']))}")
    return "\n".join(draw(st.permutations(lines)))


@given(tiny_stories(), st.sampled_from([0.0, 1.0]), st.sampled_from([1, 2, search.WIDTH]))
def test_agrees_with_brute_force(story: str, epsilon_s: float, width: int) -> None:
    """Whether some order explains a history does not depend on how cleverly one looks for it."""
    history = history_of(story)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "WIDTH", width)
        report = check(history, epsilon_s=epsilon_s)
    assert (not report.findings) is is_valid(history, epsilon_s=epsilon_s), report


@given(tiny_stories(), st.sampled_from([0.0, 1.0]))
def test_quick_searches_err_to_one_side(story: str, epsilon_s: float) -> None:
    """The yes of a narrow search is a yes, and the no of a generous one is a no."""
    history = history_of(story)
    quick = partial(Search, lenient=epsilon_s > 0, budget=BUDGET)
    of_values = [(timeline.puts, all_reads(timeline)) for timeline in timelines(history, epsilon_s)]
    if is_valid(history, epsilon_s=epsilon_s):
        assert not any(quick(puts, reads, generous=True).first_inexplicable() for puts, reads in of_values)
    else:
        assert any(quick(puts, reads, width=1).first_inexplicable() for puts, reads in of_values)


def story_of(served: list[Served]) -> str:
    return "\n".join(map(str, served))


@given(seeds, st.integers(10, 120))
def test_a_right_service_is_found_right(seed: int, operations: int) -> None:
    """Whatever overlaps, expires or stays unknown: a service that keeps its promises is never accused."""
    served = serve(Random(seed), operations, values=VALUES, primes=PRIMES)
    report = check(history_of(story_of(served)))
    assert report.verdict is not Verdict.INVALID, report


@given(seeds, st.integers(10, 120))
def test_an_acknowledged_value_that_is_left_out_is_missed(seed: int, operations: int) -> None:
    """P5: one value dropped from one answer that was asked for after the POST, and the history is wrong."""
    random = Random(seed)
    served = serve(random, operations, values=VALUES, primes=PRIMES, ttls_s=[None], outcomes=[Outcome.STORED])
    later = [
        (get, value)
        for get in served
        for value in get.values
        if get.verb == "get"
        and any(post.end_s < get.start_s and value in post.values for post in served if post.verb == "post")
    ]
    assume(later)
    get, value = random.choice(later)
    get.values.remove(value)
    report = check(history_of(story_of(served)))
    assert [finding.value for finding in report.findings] == [value], report


@given(seeds, st.integers(10, 120))
def test_a_phantom_is_noticed(seed: int, operations: int) -> None:
    """P5: a value that nobody posted, in one answer."""
    random = Random(seed)
    served = serve(random, operations, values=VALUES, primes=PRIMES)
    gets = [get for get in served if get.verb == "get"]
    assume(gets)
    random.choice(gets).values.append(NEVER_POSTED)
    report = check(history_of(story_of(served)))
    assert [finding.value for finding in report.findings] == [NEVER_POSTED], report


@given(seeds, st.integers(10, 120), st.sampled_from(VALUES))
def test_a_resurrection_is_noticed(seed: int, operations: int, value: int) -> None:
    """P6: a value that is seen long after the ttl of every put of it has passed."""
    served = serve(Random(seed), operations, values=VALUES, primes=PRIMES, ttls_s=[1_000, 5_000])
    prime = next(prime for prime in PRIMES if value % prime == 0)
    served.append(Served(SPAN_S + 90_000, SPAN_S + 90_000, "get", [value], str(prime)))
    report = check(history_of(story_of(served)))
    assert [finding.value for finding in report.findings] == [value], report


def all_reads(timeline: Timeline) -> list[Read]:
    return [
        Read(start, end, timeline.value in answer, get)
        for track in timeline.tracks
        for start, end, answer, get in zip(track.starts, track.ends, track.answers, track.gets, strict=True)
    ]


@given(seeds, st.integers(10, 200), st.integers(0, 2), st.sampled_from([0.0, 100.0]), st.integers(1, 8))
def test_reads_that_are_left_out_decide_nothing(
    seed: int, operations: int, lies: int, epsilon_s: float, few: int
) -> None:
    """The reduction keeps the verdict on each value, whether the answers are right or some of them are not."""
    random = Random(seed)
    served = serve(random, operations, values=VALUES, primes=PRIMES, posts=random.choice([0.02, 0.1, 0.3]))
    for get in random.sample([get for get in served if get.verb == "get"], lies):
        value = random.choice([value for value in VALUES if value % int(get.options) == 0])
        get.values.remove(value) if value in get.values else get.values.append(value)
    for timeline in timelines(history_of(story_of(served)), epsilon_s):
        verdicts = [
            Search(timeline.puts, reads, lenient=epsilon_s > 0, budget=BUDGET).first_inexplicable() is None
            for reads in (all_reads(timeline), reduced_reads(timeline, few=few))
        ]
        assert verdicts[0] == verdicts[1], timeline.value


def test_long_histories_are_reduced_to_a_few_reads() -> None:
    """What costs time grows with what is written, not with what is read."""
    served = serve(Random(1), 10_000, values=VALUES, primes=PRIMES, posts=0.002, typical_s=20)
    for timeline in timelines(history_of(story_of(served)), 0):
        assert len(all_reads(timeline)) > 3_000
        assert len(reduced_reads(timeline)) < 1_000


def test_what_can_do_less_is_superfluous() -> None:
    """Of two configurations in one state one is dropped if the other has used less and satisfied as much, or more."""
    configurations = Configurations()

    def add(used: int, satisfied: int) -> bool:
        return configurations.add(Configuration(None, 0, used, satisfied))

    assert add(0b01, 0b01)
    assert not add(0b01, 0b01)
    assert not add(0b11, 0b01)
    assert not add(0b01, 0b00)
    assert add(0b11, 0b11)
    assert add(0b10, 0b01)
    assert {(kept.used, kept.satisfied) for kept in configurations} == {(0b01, 0b01), (0b11, 0b11), (0b10, 0b01)}
    assert add(0b00, 0b01)
    assert {(kept.used, kept.satisfied) for kept in configurations} == {(0b11, 0b11), (0b00, 0b01)}
    assert configurations.add(Configuration(None, 1, 0b11, 0b01))
    assert configurations.add(Configuration((1, 2), 0, 0b11, 0b01))


UNKNOWN_POSTS = "\n".join(f"0-1 unknown 120 ttl={ttl} until=900" for ttl in range(1, 40))
READS = "\n".join(f"{10 * n}-{10 * n + 1} get 5 -> 60 {'120' if n % 2 else ''}" for n in range(1, 40))
OUTAGE = f"0-1 post 60\n{UNKNOWN_POSTS}\n{READS}\n"
"""A value comes and goes; which of many unknown POSTs was it each time?"""


def test_an_outage_is_no_obstacle() -> None:
    """With many possibilities, one that explains everything is found soon, and so is what none of them explains."""
    assert check(history_of(OUTAGE)).verdict is Verdict.VALID
    report = check(history_of(f"{OUTAGE}\n950-951 get 5 -> 60 120"))
    assert report.verdict is Verdict.INVALID
    assert report.findings[0].reason == "seen after its time had passed"


LONG = "\n".join(f"{n}-{n + 1} post 120\n{n}-{n + 1} get 5 -> 120" for n in range(300))


@pytest.mark.parametrize("story", [OUTAGE, LONG], ids=["many possibilities", "many steps"])
def test_a_search_without_end_is_given_up(story: str) -> None:
    """Too much work: no verdict, rather than a wrong one or none today."""
    report = check(history_of(story), budget=1_000)
    assert report.verdict is Verdict.UNKNOWN
    assert report.doubts == ("value 120: too many possibilities, given up",)
