"""The journal's rules, on the project's own code: they suffice, and each of them is needed (P4, P6, P8)."""

import pytest

from tests.journal.rules import SWITCHES
from tests.journal.shape import Shape
from tests.journal.switches import Switch
from tests.journal.walk import CounterExampleError, explore

TROUBLE = frozenset(
    {
        "age",
        "lose request",
        "lose answer",
        "late",
        "stall",
        "crash",
        "freeze",
        "move",
        "flushall",
        "save",
        "restart",
        "reconnect",
        "full",
        "deadline",
    }
)
SHAPES = {
    "one holder": Shape(holders=1, trouble=TROUBLE),
    "two holders": Shape(trouble=TROUBLE),
    "two classes": Shape(classes=2, trouble=TROUBLE),
}


def wander(shape: Shape, seed: int, walks: int) -> None:
    """Walk, and see that the walks went somewhere."""
    assert explore(shape, seed=seed, walks=walks) > 50 * walks


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
@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_without_this_rule_something_is_lost_or_comes_back(switch: Switch) -> None:
    """With the rule switched off in the project's own code, the same walks find a counter-example."""
    with switch.off(), pytest.raises(CounterExampleError):
        switch.search(seed=0)
