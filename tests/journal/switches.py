"""How a rule of the journal is taken out of the project: not in a copy, but in the code that runs.

A function's code is compiled anew from its source with a piece replaced, and put back afterwards.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple

from tests.journal.shape import Shape
from tests.journal.walk import Gait, explore

CALM: Mapping[str, float] = {"compact": 0, "clean": 0, "drop": 0}
"""The journal is left as it is."""
USUAL = Gait(length=40)


class Edit(NamedTuple):
    """In `function`, `before` becomes `after`."""

    function: Callable[..., Any]
    before: str
    after: str

    @contextmanager
    def made(self) -> Iterator[None]:
        """Have the function so for a while."""
        function = self.function
        assert isinstance(function, FunctionType)
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.before) == 1
        compiled: dict[str, Any] = {}
        edited = compile(source.replace(self.before, self.after), function.__qualname__, "exec")
        exec(edited, function.__globals__, compiled)  # noqa: S102 - our own source
        was = function.__code__
        function.__code__ = compiled[function.__name__].__code__
        try:
            yield
        finally:
            function.__code__ = was


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One rule: with all `edits` made it is off, and a world of `shape` then has a counter-example."""

    rule: str
    """Of design 6."""
    name: str
    edits: tuple[Edit, ...]
    shape: Shape
    gait: Gait = USUAL
    walks: int = 2_000
    """In so many at most."""

    @property
    def title(self) -> str:
        """The rule and its name."""
        return f"{self.rule}: {self.name}"

    @property
    def place(self) -> str:
        """The functions that keep the rule."""
        return ", ".join(f"`{edit.function.__qualname__}`" for edit in self.edits)

    @contextmanager
    def off(self) -> Iterator[None]:
        """Switch the rule off for a while."""
        with ExitStack() as edits:
            for edit in self.edits:
                edits.enter_context(edit.made())
            yield

    def search(self, *, seed: int, walks: int | None = None) -> int:
        """Look for a counter-example, and return the number of steps in which there was none.

        Raises:
            CounterExampleError: there is one.
        """
        return explore(self.shape, self.gait, seed=seed, walks=walks or self.walks)
