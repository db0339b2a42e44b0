"""Puts that count, and the order in which they are buried: the fold, and rule 1."""

from factorsvc.application.materializer import Materializer
from factorsvc.domain import fold, verdict
from tests.journal.shape import Shape
from tests.journal.switches import Edit, Switch

_LATE_PUTS = Shape(holders=1, trouble=frozenset({"deadline", "late:append"}))

SWITCHES = (
    Switch(
        rule="void",
        name="a put that lands late counts for nothing",
        edits=(Edit(fold.fold_entry, "if is_void(record, entry.append_time_ms):", "if False:"),),
        shape=_LATE_PUTS,
    ),
    Switch(
        rule="void",
        name="a put that lands late does not supersede the one before it",
        edits=(Edit(fold.fold_entry, "return Step(present, record.key)", "return Step(None, record.key)"),),
        shape=_LATE_PUTS,
    ),
    Switch(
        rule="void",
        name="a put that landed late is not answered 200",
        edits=(Edit(verdict._counts, "return not is_void(put, receipt)", "return True"),),
        shape=Shape(holders=1, trouble=frozenset({"deadline"})),
    ),
    Switch(
        rule="rule 1",
        name="superseded puts are buried before the next one is applied",
        edits=(Edit(Materializer._apply_portion, "await self._journal.bury(applied.died)", "pass"),),
        shape=Shape(holders=1),
    ),
)
