"""The event loop of one process in a world that decides everything else.

It runs what is ready, first come first served, until nothing is, and then hands back: time passes, and calls are
answered, only when the world says so. A process whose loop is not run any more has crashed or is frozen.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

from tests.simulation.tasks import bury

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ProcessLoop(asyncio.BaseEventLoop):
    """A loop without chance and without I/O."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin with nothing to do; `now` is the world's time in seconds."""
        super().__init__()
        self._now = now
        self._waiting: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()

    @property
    def has_work(self) -> bool:
        """Tell whether something is ready or due."""
        return bool(self._waiting) or (bool(self._timers) and self._timers[0][0] <= self._now())

    def run_until_blocked(self) -> None:
        """Run until nothing can be done before time passes or a call is answered."""
        waiting, timers = self._waiting, self._timers
        asyncio._set_running_loop(self)
        try:
            while True:
                while timers and timers[0][0] <= self._now():
                    waiting.append(heapq.heappop(timers)[2])
                if not waiting:
                    return
                handle = waiting.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def carry_out(self, effect: Callable[[], T]) -> T:
        """Call `effect` as a step of this loop and return what it returns."""
        asyncio._set_running_loop(self)
        try:
            return effect()
        finally:
            asyncio._set_running_loop(None)

    def bury(self) -> None:
        """End the process for good: what still waits in it is thrown away, and nobody hears of that."""
        super().close()
        for task in asyncio.all_tasks(self):
            bury(task)

    def time(self) -> float:
        """The world's time."""
        return self._now()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._waiting.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep quiet about tasks that are dropped: crashes do that."""

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Leave it where it is."""

    def _write_to_self(self) -> None:
        """Wake nobody: there is one thread."""
