"""The sweeper looks twice: rule 4. A put expires, and while it is swept the next one of its value comes."""

from dataclasses import replace

from factorsvc.adapters.memory.storage import MemoryStorage
from factorsvc.application.materializer import Materializer
from factorsvc.application.sweeper import Sweeper
from tests.journal.shape import Shape
from tests.journal.switches import CALM, Edit, Switch
from tests.journal.walk import Gait

_LATE_PUT = Shape(
    holders=1,
    begun=1,
    values=(2,),
    posts=((2, 1), (2, None)),
    trouble=frozenset({"late:commit"}),
)
_WHILE_IT_IS_LATE = Gait(
    opening="post, run, post, advance, late, tick",
    weights={**CALM, "late": 2, "land": 6},
    grains=((0, 4, 4),),
    length=16,
)

SWITCHES = (
    Switch(
        rule="rule 4",
        name="only the put that was buried is removed (second look)",
        edits=(
            Edit(
                Sweeper.sweep,
                "[present.key for present in dead if second.presents.get(present.value) == present]",
                "[second.presents[present.value].key for present in dead if present.value in second.presents]",
            ),
        ),
        shape=replace(_LATE_PUT, stops=("commit", "bury")),
        gait=_WHILE_IT_IS_LATE,
    ),
    Switch(
        rule="rule 4",
        name="nothing is written between the second look and the removal",
        edits=(
            Edit(
                MemoryStorage.remove,
                "await self._transact(watch, removal.whole)",
                "await self._writer.call(removal.whole)",
            ),
        ),
        shape=replace(_LATE_PUT, stops=("commit", "remove")),
        gait=_WHILE_IT_IS_LATE,
    ),
    Switch(
        rule="rule 4",
        name="a removal without an answer is fenced off before the next write",
        edits=(
            Edit(MemoryStorage._require_writable, "if self._removal_in_doubt:", "if False:"),
            Edit(Materializer._write, "except RemovalUnknownError:", "except ZeroDivisionError:"),
        ),
        shape=replace(_LATE_PUT, trouble=frozenset({"full", "late:remove"}), stops=("remove",)),
        gait=Gait(
            opening="post, run, tick, full, advance, advance, advance, advance, late",
            weights={**CALM, "full": 2, "tick": 1, "land": 4},
            grains=((0, 4, 4),),
            length=20,
        ),
    ),
    Switch(
        rule="rule 4",
        name="nothing is removed outside a transaction while one without an answer may come",
        edits=(Edit(MemoryStorage.remove, "if self._transaction_in_doubt:", "if False:"),),
        shape=replace(_LATE_PUT, trouble=frozenset({"full", "late:commit"}), stops=("remove",)),
        gait=Gait(
            opening="post, run, post, call, call, call, call, late, tick, full, advance, advance",
            weights={**CALM, "full": 2, "tick": 1, "land": 4},
            grains=((0, 4, 4),),
            length=20,
        ),
    ),
)
