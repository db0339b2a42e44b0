"""The rules of the journal, each with the piece of the project that keeps it, and how to take that piece out.

A rule is switched off in the code that runs, not in a copy of it: the function's code is compiled anew from its source
with the piece replaced, and put back afterwards.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from factorsvc.adapters.memory import storage
from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.materializer import Materializer
from factorsvc.domain import applying, fold, verdict
from tests.journal.walk import GRAINS
from tests.journal.world import Shape

_CALM: Mapping[str, float] = {"compact": 0, "clean": 0, "drop": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One rule: in `function`, `before` becomes `after`; a world of `shape` then has a counter-example."""

    name: str
    function: Callable[..., Any]
    before: str
    after: str
    shape: Shape
    fixed: Mapping[str, float] = field(default_factory=dict)
    grains: tuple[tuple[float, float, float], ...] = GRAINS
    walks: int = 2_000

    @contextmanager
    def off(self) -> Iterator[None]:
        """Switch the rule off for a while."""
        function = self.function
        assert isinstance(function, FunctionType)
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.before) == 1
        compiled: dict[str, Any] = {}
        exec(compile(source.replace(self.before, self.after), self.name, "exec"), function.__globals__, compiled)  # noqa: S102 - our own source
        was = function.__code__
        function.__code__ = compiled[function.__name__].__code__
        try:
            yield
        finally:
            function.__code__ = was


SWITCHES = (
    Switch(
        name="a put that lands late counts for nothing",
        function=fold.fold_entry,
        before="if is_void(record, entry.append_time_ms):",
        after="if False:",
        shape=Shape(holders=1, trouble=frozenset({"deadline", "late:append"})),
    ),
    Switch(
        name="a void put does not supersede the one before it",
        function=fold.fold_entry,
        before="return Step(present, record.key)",
        after="return Step(None, record.key)",
        shape=Shape(holders=1, trouble=frozenset({"deadline", "late:append"})),
    ),
    Switch(
        name="a void put is not answered 200",
        function=verdict._counts,
        before="return not is_void(put, receipt)",
        after="return True",
        shape=Shape(holders=1, trouble=frozenset({"deadline"})),
    ),
    Switch(
        name="rule 1: superseded puts are buried before the next one is applied",
        function=Materializer._apply_portion,
        before="await self._journal.bury(applied.died)",
        after="pass",
        shape=Shape(holders=1),
    ),
    Switch(
        name="rule 3: the stored position decides where to go on",
        function=applying.apply_batches,
        before="position = snapshot.positions.get(batch.class_id)",
        after="position = snapshot.positions.get(batch.class_id); "
        "position = position and position._replace(next_offset=batch.start)",
        shape=Shape(holders=1, trouble=frozenset({"lose answer:commit", "save", "reconnect"})),
    ),
    Switch(
        name="rule 3: a transaction is refused when something was written since the look",
        function=storage._Watch.require_unchanged,
        before="if database.version != self.view_version:",
        after="if False:",
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
        function=ColdLoader._end_reading,
        before="await self._journal.bury(load.unburied)",
        after="pass",
        shape=Shape(holders=1, trouble=frozenset({"flushall", "crash"})),
    ),
    Switch(
        name="rule 5: each transaction of a cold load finds the load id that it began with",
        function=ColdLoader._is_whole,
        before="and snapshot.loading.get(load.class_id) == load.load_id",
        after="",
        shape=Shape(holders=1, posts=((2, None), (4, None)), trouble=frozenset({"flushall"}), stops=("commit", "look")),
        fixed=_CALM,
    ),
    Switch(
        name="rule 5: the position comes with the last transaction of a cold load",
        function=ColdLoader._load,
        before="if number == len(chunks)",
        after="if number == 1",
        shape=Shape(
            holders=1, posts=((2, None), (4, None)), trouble=frozenset({"crash", "flushall"}), stops=("commit", "look")
        ),
        fixed=_CALM,
    ),
    Switch(
        name="rule 5: what is found without a position is cleared before a cold load",
        function=ColdLoader._load,
        before="while not await self._storage.clear(class_id, self._policy.transaction_values):",
        after="while False:",
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
