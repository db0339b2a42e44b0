"""The journal's rules, on the project's own code: they suffice, and each of them is needed (P4, P6, P8)."""

from operator import attrgetter
from pathlib import Path

import pytest

from tests.journal.moves import TROUBLE
from tests.journal.rules import SWITCHES
from tests.journal.shape import Shape
from tests.journal.switches import Switch
from tests.journal.walk import CounterExampleError, Gait, explore

ALL = frozenset(TROUBLE)
SHAPES = {
    "one holder": Shape(holders=1, trouble=ALL),
    "two holders": Shape(trouble=ALL),
    "two classes": Shape(classes=2, trouble=ALL),
}
TITLE = attrgetter("title")


def wander(shape: Shape, seed: int, walks: int) -> None:
    """Walk, and see that the walks went somewhere."""
    assert explore(shape, Gait(), seed=seed, walks=walks) > 50 * walks


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_whatever_happens_views_and_journal_say_what_was_posted(shape: Shape, seed: int) -> None:
    """A view that is answered from, and one rebuilt from what is left of the journal, hold each value's last put.

    That is the last one which is neither void nor expired; and a put answered 200 is never void.
    """
    wander(shape, seed, 150)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_it_is_so_for_long(shape: Shape, seed: int) -> None:
    """Millions of steps."""
    wander(shape, seed, 1_000)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("switch", SWITCHES, ids=TITLE)
def test_without_this_rule_something_is_lost_or_comes_back(switch: Switch) -> None:
    """With the rule switched off in the project's own code, the walks find a counter-example."""
    with switch.off(), pytest.raises(CounterExampleError):
        switch.search(seed=0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("switch", SWITCHES, ids=TITLE)
def test_with_all_rules_nothing_is(switch: Switch) -> None:
    """It is the rule's absence that the walks find: in the same worlds, with all rules on, nothing goes wrong."""
    assert switch.search(seed=0, walks=40) > 10 * 40


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("switch", SWITCHES, ids=TITLE)
def test_it_is_the_rule_that_is_missing(switch: Switch, seed: int) -> None:
    """Without the rule there is a counter-example by any seed, and with it by none."""
    with switch.off(), pytest.raises(CounterExampleError):
        switch.search(seed=seed, walks=10_000)
    switch.search(seed=seed)


def test_promises_md_tells_each_rule() -> None:
    """The table of the rules that are switched off is whole; `python -m tests.journal` writes its rows anew."""
    told = (Path(__file__).parents[2] / "docs/promises.md").read_text()
    rows = [f"| {switch.rule} | {switch.name} | {switch.place} |" for switch in SWITCHES]
    assert [row for row in rows if row not in told] == []
