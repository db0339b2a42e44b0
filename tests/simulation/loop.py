"""An event loop without a world: virtual time, a seeded order of whatever is ready, and simulated processes.

Time stands still while anything is ready and jumps to the next timer when nothing is, so an hour of leases and
timeouts passes as fast as its steps can be made, and `await asyncio.sleep(1e-9)` waits until all that can be done
at this instant is done. The next step is drawn from all ready ones by a generator made of the seed. There is no
I/O, no thread and no signal: what would need them raises.

A seed replays exactly, in any process with the same Python, as long as the code under test takes chance only
from seeded generators and iterates over no set whose members hash by address or, unless PYTHONHASHSEED is fixed, by
text. (Sets of tasks and futures are safe here, see `tests.simulation.tasks`.) `trace_hash` tells two runs apart.
"""

import asyncio
import gc
import heapq
import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from tests.simulation.nodes_loop import NodesLoop
from tests.simulation.tasks import SimulatedFuture, Step, Timer, describe

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_STEPS = 10_000_000
MAX_TIME_S = 30 * 86_400.0
COLLECT_EVERY_STEPS = 100_000


class SimulationError(Exception):
    """The simulation cannot go on; the message lists the tasks that wait. Abstract."""


class DeadlockError(SimulationError):
    """Nothing is ready and no timer is set: what waits would wait for ever."""


class RunawayError(SimulationError):
    """More steps, or more virtual time, than the limit: most likely something waits for what never happens."""


class SimulationLoop(NodesLoop):
    """A deterministic event loop. Everything of asyncio that needs no I/O, thread or signal works on it."""

    _stopping: bool

    def __init__(self, seed: int | str, *, max_steps: int = MAX_STEPS, max_time_s: float = MAX_TIME_S) -> None:
        super().__init__()
        self.seed = seed
        self.steps = 0
        self._random = random.Random(seed)
        self._max_steps = max_steps
        self._max_time_s = max_time_s
        self._look_up_at = min(max_steps, COLLECT_EVERY_STEPS)
        self._home = threading.get_ident()
        self._now = 0.0
        self._trace = 0
        self._ready: list[Step | Timer] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._cancelled_timers = 0

    # --- what tests use

    @property
    def trace_hash(self) -> str:
        """A digest of all steps so far: when, which of how many, and whose. Equal for equal runs."""
        return f"{self._trace & (1 << 64) - 1:016x}"

    # --- the loop

    def _run_once(self) -> None:
        ready, draw = self._ready, self._random.random
        while not self._stopping:
            if not ready:
                self._advance()
                continue
            index = int(draw() * len(ready))
            handle = ready[index]
            last = ready.pop()
            if last is not handle:
                ready[index] = last
            if handle._cancelled:
                continue
            node = handle.node
            if node is not None and not node.running:
                node.set_aside(handle)
                continue
            self.steps += 1
            self._trace = hash((self._trace, self._now, index, len(ready), handle.label))
            handle._run()
            if self.failures:
                raise self.failures[0]
            if self.steps >= self._look_up_at:
                self._look_up()

    def _advance(self) -> None:
        """Let time pass up to the next timer."""
        timers = self._timers
        while timers and timers[0][2].is_pointless():
            heapq.heappop(timers)
        if not timers:
            self._give_up(DeadlockError, "nothing is ready and no timer is set")
        now = timers[0][0]
        if now > self._max_time_s:
            self._give_up(RunawayError, f"more than {self._max_time_s:g} s of virtual time")
        self._now = now
        while timers and timers[0][0] == now:
            self._ready.append(heapq.heappop(timers)[2])

    def _look_up(self) -> None:
        """From time to time: is this going too far, and is there garbage?"""
        if self.steps >= self._max_steps:
            self._give_up(RunawayError, f"more than {self._max_steps} steps")
        if not gc.isenabled():
            gc.collect()
        self._look_up_at = min(self._max_steps, self.steps + COLLECT_EVERY_STEPS)

    def _give_up(self, error: type[SimulationError], reason: str) -> NoReturn:
        alive = (task for task in self.pending() if task.node is None or task.node.alive)
        raise error("\n  ".join([f"{reason}; waiting:", *map(describe, alive)]))

    # --- what asyncio calls

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self._check_open()
        handle = Step(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if threading.get_ident() != self._home:
            raise RuntimeError("a simulation has one thread")
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_open()
        timer = Timer(when, callback, args, self, context)
        if when <= self._now:
            self._ready.append(timer)
        else:
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        return SimulatedFuture(number=next(self._numbers), loop=self)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> NoReturn:
        raise RuntimeError("a simulation has no threads")

    def close(self) -> None:
        super().close()
        self._timers.clear()

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Most timers are deadlines that are met: do not keep them until they would have come due."""
        self._cancelled_timers += 1
        if self._cancelled_timers > 1_000 and self._cancelled_timers > len(self._timers) // 2:
            self._timers = [entry for entry in self._timers if not entry[2]._cancelled]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0
