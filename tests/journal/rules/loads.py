"""A cold load has an id: rule 5."""

from factorsvc.application.cold_loader import ColdLoader
from tests.journal.shape import Shape
from tests.journal.switches import CALM, Edit, Switch
from tests.journal.walk import Gait

SWITCHES = (
    Switch(
        rule="rule 5",
        name="the dead that a cold load meets are buried before its first write",
        edits=(Edit(ColdLoader._end_reading, "await self._journal.bury(load.unburied)", "pass"),),
        shape=Shape(holders=1, trouble=frozenset({"flushall", "crash"})),
    ),
    Switch(
        rule="rule 5",
        name="each transaction of a cold load finds the load id that it began with",
        edits=(Edit(ColdLoader._is_whole, "and snapshot.loading.get(load.class_id) == load.load_id", ""),),
        shape=Shape(
            holders=1,
            posts=((2, None), (4, None)),
            trouble=frozenset({"flushall"}),
            stops=("look",),
        ),
        gait=Gait(
            opening="start, call, call, post, post, advance, advance, advance",
            weights={**CALM, "flushall": 1},
            length=20,
        ),
    ),
    Switch(
        rule="rule 5",
        name="the position comes with the last transaction of a cold load",
        edits=(Edit(ColdLoader._load, "if number == len(chunks)", "if number == 1"),),
        shape=Shape(
            holders=1, posts=((2, None), (4, None)), trouble=frozenset({"crash", "flushall"}), stops=("commit", "look")
        ),
        gait=Gait(weights=CALM, length=40),
    ),
    Switch(
        rule="rule 5",
        name="what is found without a position is cleared before a cold load",
        edits=(
            Edit(
                ColdLoader._load,
                "while not await self._storage.clear(class_id, self._policy.transaction_values):",
                "while False:",
            ),
        ),
        shape=Shape(
            holders=2,
            begun=2,
            values=(2,),
            posts=((2, None), (2, 1)),
            trouble=frozenset({"age", "move", "crash"}),
            stops=("clear",),
        ),
        gait=Gait(
            weights={"clean": 0, "age": 1, "compact": 2, "drop": 4, "tick": 2, "crash": 1, "move": 1},
            grains=((0, 2, 8),),
            length=40,
        ),
    ),
)
