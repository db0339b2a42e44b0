"""The rules of the journal, each with the piece of the project that keeps it and a world that cannot do without it."""

from collections.abc import Mapping

from factorsvc.adapters.memory import storage
from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.materializer import Materializer
from factorsvc.domain import applying, fold, verdict
from tests.journal.shape import Shape
from tests.journal.switches import Edit, Switch

_CALM: Mapping[str, float] = {"compact": 0, "clean": 0, "drop": 0}

SWITCHES = (
    Switch(
        name="a put that lands late counts for nothing",
        edits=(Edit(fold.fold_entry, "if is_void(record, entry.append_time_ms):", "if False:"),),
        shape=Shape(holders=1, trouble=frozenset({"deadline", "late:append"})),
    ),
    Switch(
        name="a void put does not supersede the one before it",
        edits=(Edit(fold.fold_entry, "return Step(present, record.key)", "return Step(None, record.key)"),),
        shape=Shape(holders=1, trouble=frozenset({"deadline", "late:append"})),
    ),
    Switch(
        name="a void put is not answered 200",
        edits=(Edit(verdict._counts, "return not is_void(put, receipt)", "return True"),),
        shape=Shape(holders=1, trouble=frozenset({"deadline"})),
    ),
    Switch(
        name="rule 1: superseded puts are buried before the next one is applied",
        edits=(Edit(Materializer._apply_portion, "await self._journal.bury(applied.died)", "pass"),),
        shape=Shape(holders=1),
    ),
    Switch(
        name="rule 3: the stored position decides where to go on",
        edits=(
            Edit(
                applying.apply_batches,
                "position = snapshot.positions.get(batch.class_id)",
                "position = snapshot.positions.get(batch.class_id); "
                "position = position and position._replace(next_offset=batch.start)",
            ),
        ),
        shape=Shape(holders=1, trouble=frozenset({"lose answer:commit", "save", "reconnect"})),
    ),
    Switch(
        name="rule 3: a transaction is refused when something was written since the look",
        edits=(Edit(storage._Watch.require_unchanged, "if database.version != self.view_version:", "if False:"),),
        shape=Shape(
            holders=1,
            posts=((2, None), (4, None), (2, None)),
            trouble=frozenset({"late:commit"}),
            stops=("commit",),
        ),
        fixed={**_CALM, "call": 0},
    ),
    Switch(
        name="rule 5: the dead that a cold load meets are buried before its first write",
        edits=(Edit(ColdLoader._end_reading, "await self._journal.bury(load.unburied)", "pass"),),
        shape=Shape(holders=1, trouble=frozenset({"flushall", "crash"})),
    ),
    Switch(
        name="rule 5: each transaction of a cold load finds the load id that it began with",
        edits=(Edit(ColdLoader._is_whole, "and snapshot.loading.get(load.class_id) == load.load_id", ""),),
        shape=Shape(holders=1, posts=((2, None), (4, None)), trouble=frozenset({"flushall"}), stops=("commit", "look")),
        fixed=_CALM,
    ),
    Switch(
        name="rule 5: the position comes with the last transaction of a cold load",
        edits=(Edit(ColdLoader._load, "if number == len(chunks)", "if number == 1"),),
        shape=Shape(
            holders=1, posts=((2, None), (4, None)), trouble=frozenset({"crash", "flushall"}), stops=("commit", "look")
        ),
        fixed=_CALM,
    ),
    Switch(
        name="rule 5: what is found without a position is cleared before a cold load",
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
        fixed={"clean": 0, "age": 1, "compact": 2, "drop": 4, "tick": 2, "crash": 1, "move": 1},
        grains=((0, 2, 8),),
    ),
)
