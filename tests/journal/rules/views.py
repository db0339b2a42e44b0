"""Views that are too old: rule 2.

Two replicas have a view of the first put. One of them sleeps, or is dead; the other one supersedes the put, buries it,
buries what superseded it as well, and in the end nothing of either is left in the journal: not even the tombstones.
"""

from dataclasses import replace

from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.housekeeping import Housekeeping
from factorsvc.domain import restoration
from tests.journal.shape import Shape
from tests.journal.switches import Edit, Switch
from tests.journal.walk import Gait

_FORGETFUL = {"clean": 0, "age": 1, "compact": 2, "drop": 4, "tick": 2}
_TWO_VIEWS = Shape(
    holders=2,
    begun=2,
    values=(2,),
    posts=((2, None), (2, 1)),
    trouble=frozenset({"age"}),
    stops=("take",),
)

SWITCHES = (
    Switch(
        rule="rule 2",
        name="an old view is not resumed",
        edits=(Edit(restoration.judge, "if is_old(position.verified_at_ms, now_ms, retention_ms):", "if False:"),),
        shape=replace(_TWO_VIEWS, trouble=frozenset({"age", "crash"})),
        gait=Gait(
            opening="post, run, crash, post, run, tick, run, compact",
            weights={**_FORGETFUL, "crash": 0},
            grains=((0, 1, 4),),
            length=16,
        ),
    ),
    Switch(
        rule="rule 2",
        name="a view that grew old in a process that runs is thrown away",
        edits=(
            Edit(
                Housekeeping._learn_ends,
                "is_old(position.verified_at_ms, taken_ms, self._facts.retention_ms)",
                "False",
            ),
        ),
        shape=_TWO_VIEWS,
        gait=Gait(
            opening="post, run, post, run, tick, run, advance, compact",
            weights=_FORGETFUL,
            grains=((0, 1, 4),),
            length=16,
        ),
    ),
    Switch(
        rule="rule 2",
        name="a cold load that grew old while it read begins again",
        edits=(
            Edit(
                ColdLoader._is_whole,
                "and not is_old(load.started_at_ms, self._clock.now_ms(), self._facts.retention_ms)",
                "",
            ),
        ),
        shape=replace(_TWO_VIEWS, begun=1),
        gait=Gait(
            opening="post, run, post, advance, start, advance, advance, run, tick, run, compact",
            weights=_FORGETFUL,
            grains=((0, 2, 4),),
            length=20,
        ),
    ),
)
