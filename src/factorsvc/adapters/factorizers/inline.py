"""A factorizer without processes, for a simulation and for tests: everything happens on the event loop, in its time."""

import asyncio
from functools import partial

from factorsvc.adapters.factorizers.engine import Engine
from factorsvc.adapters.factorizers.worker import Worker
from factorsvc.adapters.factorizers.worker_pool import WorkerPool


class InlineWorker(Worker):
    """Factors in place what has at most `endless_bits` bits, and takes for ever over anything longer.

    So a number that no process would finish holds its worker until the deadline, as the real ones do, and nothing is
    computed for it. Kill and close have nothing to do: only the caller's cancellation ends the waiting.
    """

    def __init__(self, engine: Engine, endless_bits: int) -> None:
        self._engine = engine
        self._endless_bits = endless_bits

    async def open(self) -> None:
        return

    async def factor(self, number: int, limit_s: float) -> tuple[int, ...]:
        await asyncio.sleep(0)  # where a process would be at work, others have their turn
        if number.bit_length() > self._endless_bits:
            await asyncio.get_running_loop().create_future()
        return self._engine.factor_one(number)

    def kill(self) -> None:
        return

    async def close(self) -> None:
        return


class InlineFactorizer(WorkerPool):
    """A pool of workers that are none: the same line, deadline and errors, deterministic under any event loop.

    Blocks the loop for as long as a hard number of up to `endless_bits` takes, with flint 50 ms for 128.
    """

    def __init__(self, engine: Engine, *, workers: int = 2, queue: int = 64, endless_bits: int = 128) -> None:
        super().__init__(engine, workers=workers, queue=queue, hire=partial(InlineWorker, endless_bits=endless_bits))
