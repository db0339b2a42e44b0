"""A worker that is a process, started and talked to by pebble.

Each is a pool of its own, of one process: in a shared one a kill hits others. (A finishes in process 1; before the
pool hears of it A is cancelled and B sent; process 1 takes B and is killed for A; B is waited for until its deadline.)
And a process that is killed while it holds the locks of a shared pool stops all of them for a minute.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from factorsvc.adapters.factorizers.engine import Engine
from factorsvc.adapters.factorizers.worker import Worker, WorkerLostError
from factorsvc.adapters.factorizers.worker_task import factor_within, prepare, report

P = ParamSpec("P")
R = TypeVar("R")

# A fork of a process with threads and an event loop may find locks held for ever. Spawned, a worker is ready after
# 0.15 s (flint) or 0.5 s (sympy).
SPAWN: Final = get_context("spawn")
IDLE_S: Final = 60.0  # a worker takes 40 MB (flint) or 80 MB (sympy): none is kept for a burst that is over


class WorkerProcess(Worker):
    """One process that factors with `engine`, niced; started when it is opened, ended when it is idle for long."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool: ProcessPool | None = None
        self._pid: int | None = None  # known as soon as the process is ready
        self._ending: asyncio.Future[None] | None = None
        self._retirement: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        if self._retirement:
            self._retirement.cancel()
        if self._pid:
            return
        await self._ended()
        self._pool = pool = ProcessPool(max_workers=1, initializer=prepare, context=SPAWN)
        # The first task starts process and threads of the pool, which takes 10 ms.
        starting = await asyncio.to_thread(_schedule, pool, report, self._engine.factor_one)
        self._pid = await _outcome(starting)

    async def factor(self, number: int, limit_s: float) -> tuple[int, ...]:
        if not self._pool:
            raise WorkerLostError
        factors = await _outcome(_schedule(self._pool, factor_within, self._engine.factor_one, number, limit_s))
        self._retirement = asyncio.get_running_loop().call_later(IDLE_S, self.kill)
        return factors

    def kill(self) -> None:
        if self._pool:
            run = asyncio.get_running_loop().run_in_executor
            self._ending = run(None, _end, self._pool, self._pid, self._engine.litter)
            self._pool = self._pid = None

    async def close(self) -> None:
        self.kill()
        await self._ended()

    async def _ended(self) -> None:
        if self._ending:
            await asyncio.shield(self._ending)
            self._ending = None


def _schedule(pool: ProcessPool, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> ProcessFuture[R]:
    try:
        return pool.schedule(function, args, kwargs)
    except RuntimeError as broken:  # so pebble says that the pool is, or was ended meanwhile
        raise WorkerLostError from broken


async def _outcome(future: ProcessFuture[R]) -> R:
    """Wait for `future`, which is not cancelled with its caller: pebble would kill the process before `_end` does."""
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(asyncio.Future.exception)  # heard, even if nobody waits any more
    await asyncio.wait([waiting])
    try:
        return waiting.result()
    except (BrokenProcessPool, ProcessExpired) as lost:
        raise WorkerLostError from lost


def _end(pool: ProcessPool, pid: int | None, litter: str | None) -> None:
    """End `pool` and its process, which is `pid` if it was ready, and return when they are gone. Takes 0.1 to 0.2 s."""
    stop: Callable[[], object] = pool.stop  # without types in pebble
    stop()
    left_behind = _open_files(pid, litter) if pid and litter else set()
    for child in active_children():  # by its object: the number alone might have become somebody else's by now
        if child.pid == pid:
            child.kill()  # at once, so that nothing is written after the look at its files
    pool.join()
    for file in left_behind:
        file.unlink(missing_ok=True)


def _open_files(pid: int, prefix: str) -> set[Path]:
    """Return the files beginning with `prefix` that process `pid` has open; none where there is no /proc to tell."""
    found: set[Path] = set()
    with suppress(OSError):  # the process is gone
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed since
                found.add(descriptor.readlink())
    return {file for file in found if os.fspath(file).startswith(prefix)}
