"""What goes wrong with the calls of a port, on command.

A test says by its name what the next call meets: an error instead of it, an error after it was done (its answer was
lost), an answer of the test's, or a gate at which it waits.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


class Gate:
    """Where one call waits until the test opens it."""

    def __init__(self, *, clings: bool) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()
        self._clings = clings

    async def wait(self) -> None:
        """Wait, also beyond a cancellation if it clings, as a client does that must tidy up first."""
        self.reached.set()
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            if self._clings:
                await self._open.wait()
            raise

    def open(self) -> None:
        """Let the call go on."""
        self._open.set()


@dataclass(slots=True)
class _Fault:
    error: Exception | None = None
    afterwards: bool = False
    gate: Gate | None = None
    answers: Sequence[Any] = ()


@dataclass(slots=True)
class Faults:
    """What the calls of one double meet, by their names and in their order."""

    calls: list[str] = field(default_factory=list)
    """The names of all calls so far."""
    _next: defaultdict[str, deque[_Fault]] = field(default_factory=lambda: defaultdict(deque))
    _broken: dict[str, Callable[[], Exception]] = field(default_factory=dict)

    def fail(self, call: str, *errors: Exception) -> None:
        """Let the next calls fail, one with each of `errors`; none of them is done."""
        self._next[call] += [_Fault(error) for error in errors]

    def lose_answer(self, call: str, error: Exception) -> None:
        """Let the next call be done and fail all the same."""
        self._next[call].append(_Fault(error, afterwards=True))

    def answer(self, call: str, *answers: object) -> None:
        """Let the next calls return `answers`, one each; none of them is done."""
        self._next[call] += [_Fault(answers=[answer]) for answer in answers]

    def hold(self, call: str, *, clings: bool = False, error: Exception | None = None) -> Gate:
        """Let the next call wait at a gate before it is done, or before it fails with `error`."""
        gate = Gate(clings=clings)
        self._next[call].append(_Fault(error, gate=gate))
        return gate

    def break_down(self, call: str, error: Callable[[], Exception]) -> None:
        """Let every call fail until `mend`."""
        self._broken[call] = error

    def mend(self) -> None:
        """Let calls that are to come be done again."""
        self._broken.clear()

    async def meet(self, call: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Do `effect`, or what was said of the call."""
        self.calls.append(call)
        if call in self._broken:
            error = self._broken[call]()
            raise error
        fault = self._next[call].popleft() if self._next[call] else _Fault()
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.error is not None and not fault.afterwards:
            raise fault.error
        result: T = fault.answers[0] if fault.answers else await effect()
        if fault.error is not None:
            raise fault.error
        return result
