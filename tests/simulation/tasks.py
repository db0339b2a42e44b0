"""Tasks, futures and handles of a simulation: each has a number and the node that it belongs to.

The number is also the hash. asyncio keeps tasks in sets (`TaskGroup`, `asyncio.wait`), and the order of a set follows
from the hashes of its members: the usual ones are addresses in memory, so that two runs of one seed would cancel
the tasks of a group in different orders.
"""

import asyncio
import contextlib
import functools
import zlib
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from tests.simulation.node import Node, current_node

T = TypeVar("T")
Awaited: TypeAlias = Generator[Any, None, T] | Coroutine[Any, Any, T]


class SimulatedTask(asyncio.Task[T]):
    """A task that knows its number, counted from 1 in each loop, and its node; None outside of all nodes."""

    __slots__ = ("node", "number")

    def __init__(self, coro: Awaited[T], *, number: int, node: Node | None, **options: Any) -> None:
        self.number = number
        self.node = node
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class SimulatedFuture(asyncio.Future[Any]):
    """A future with a number."""

    __slots__ = ("number",)

    def __init__(self, *, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class Step(asyncio.Handle):
    """A call that is to be made as soon as possible."""

    __slots__ = ("label", "node")

    def __init__(
        self,
        callback: Callable[..., object],
        args: Sequence[Any],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        super().__init__(callback, args, loop, context)
        self.node = current_node.get() if context is None else context.get(current_node)
        self.label = _label(callback)


class Timer(asyncio.TimerHandle):
    """A call that is to be made at an instant of virtual time."""

    __slots__ = ("label", "node")

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: Sequence[Any],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self.node = current_node.get() if context is None else context.get(current_node)
        self.label = _label(callback)

    def is_pointless(self) -> bool:
        """Whether it will never run, so that time need not pass for it."""
        return self._cancelled or (self.node is not None and not self.node.alive)


def _label(callback: Callable[..., object]) -> int:
    """What is called, as a number that is the same in each run: a step of which task, or else which function."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, SimulatedTask):
        return owner.number
    return _checksum(getattr(callback, "__qualname__", type(callback).__name__))


@functools.cache
def _checksum(name: str) -> int:
    return zlib.crc32(name.encode())


def describe(task: SimulatedTask[Any]) -> str:
    """One line: the task, its node and its state, and the line of code at which it waits."""
    where = ""
    inner: Any = task.get_coro()
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
        if frame is not None:
            where = f"{frame.f_code.co_qualname} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
    owner = "outside" if task.node is None else f"{task.node.name}, {task.node.state}"
    return f"{task.get_name()} [{owner}] at {where}"


def bury(task: asyncio.Task[Any]) -> None:
    """End a task that will never run again, whatever its coroutine does about it."""
    coro = task.get_coro()
    for _ in range(100):  # each `finally` that awaits survives once; nobody writes a hundred around each other
        with contextlib.suppress(Exception, asyncio.CancelledError, GeneratorExit, BaseExceptionGroup):
            if coro is not None:
                coro.close()
            return
