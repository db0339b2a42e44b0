"""Pools of processes for the contract, ended with the test that made them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.worker_pool import WorkerPool
from factorsvc.adapters.factorizers.worker_process import WorkerProcess
from tests.contracts.factorizer_contract import MakeFactorizer


@asynccontextmanager
async def pools_of(engine: Literal["flint", "sympy"]) -> AsyncIterator[MakeFactorizer]:
    """What makes pools of processes that factor with `engine`."""
    async with AsyncExitStack() as pools:

        def make(workers: int, queue: int) -> WorkerPool:
            pool = WorkerPool(engine_named(engine), workers=workers, queue=queue, hire=WorkerProcess)
            pools.push_async_callback(pool.aclose)
            return pool

        yield make
