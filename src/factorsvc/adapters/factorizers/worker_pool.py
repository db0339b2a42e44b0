"""The pool: hard numbers wait in a bounded and fair line for one of a few workers, for as long as their request has.

Each request has up to `share` lanes, and a lane goes to the end of the line with each of its numbers. So a request
with a thousand hard numbers does not go before one that comes later with a single one, and as a request never holds
more than half of the workers, it takes several to keep the others waiting.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from factorsvc.adapters.factorizers.easy import factor_easy_ones
from factorsvc.adapters.factorizers.engine import Engine
from factorsvc.adapters.factorizers.worker import Worker, WorkerLostError
from factorsvc.domain.errors import FactoringTimeoutError, OverloadedError
from factorsvc.domain.ports.factorizer import Factorizer

TRIES: Final = 3  # a worker killed from outside costs one; a number that kills every worker must not use up the machine
CLOSE_S: Final = 5.0  # a killed process is gone in 0.2 s


@dataclass(slots=True)
class _Call:
    """The hard part of one request."""

    pending: Iterator[int]  # shared by its lanes
    deadline: float
    held: set[int] = field(default_factory=set)  # numbers that were given to a worker and are not done
    done: dict[int, tuple[int, ...]] = field(default_factory=dict)


class WorkerPool(Factorizer):
    """Factors easy numbers in place and hard ones by `workers` workers, at most `queue` requests waiting for them.

    `hire` makes a worker for `engine`; it is not opened before a hard number needs it.
    """

    def __init__(self, engine: Engine, *, workers: int, queue: int, hire: Callable[[Engine], Worker]) -> None:
        self._engine = engine
        self._workers = [hire(engine) for _ in range(workers)]
        self._free = self._workers.copy()  # taken from the end, where those lie that are open
        self._turns = asyncio.Semaphore(workers)  # first come, first served
        self._share = max(1, workers // 2)
        self._room = workers + queue
        self._calls: set[asyncio.Timeout] = set()
        self._closed = False

    def is_prime(self, number: int) -> bool:
        return self._engine.is_prime(number)

    async def factor(self, numbers: Sequence[int], deadline: float) -> list[tuple[int, ...]]:
        factors, hard = await factor_easy_ones(self._engine, numbers, deadline)
        if hard:
            factors |= await self._factor_hard_ones(hard, deadline)
        return [factors[number] for number in numbers]

    async def aclose(self) -> None:
        """Refuse hard numbers from now on, those under way too, and return when no worker is left; in 5 s at the most.

        Raises:
            TimeoutError: some worker does not end.
        """
        self._closed = True
        for timeout in self._calls:
            if not timeout.expired():
                timeout.reschedule(0)
        for worker in self._workers:
            worker.kill()
        async with asyncio.timeout(CLOSE_S):
            for worker in self._workers:
                await worker.close()

    async def _factor_hard_ones(self, hard: Sequence[int], deadline: float) -> dict[int, tuple[int, ...]]:
        if self._closed or len(self._calls) >= self._room:
            raise OverloadedError("too many requests with hard numbers")
        began = asyncio.get_running_loop().time()
        call = _Call(iter(hard), deadline)
        timeout = asyncio.timeout_at(deadline)
        self._calls.add(timeout)
        try:
            async with timeout, asyncio.TaskGroup() as lanes:
                for lane in range(min(self._share, len(hard))):
                    lanes.create_task(self._lane(call), name=f"factoring lane {lane}")
        except TimeoutError:
            raise self._late(call, hard, round(deadline - began, 1)) from None
        except ExceptionGroup as failed:  # the lanes of a call are alike, so is their failure
            raise failed.exceptions[0] from failed
        finally:
            self._calls.discard(timeout)
        return call.done

    def _late(self, call: _Call, hard: Sequence[int], limit_s: float) -> FactoringTimeoutError | OverloadedError:
        if self._closed:
            return OverloadedError("the factoring workers end")
        if call.held:
            return FactoringTimeoutError(next(filter(call.held.__contains__, hard)), limit_s)
        return OverloadedError("no factoring worker became free in time")

    async def _lane(self, call: _Call) -> None:
        for number in call.pending:
            async with self._turns:
                worker = self._free.pop()
                try:
                    call.done[number] = await self._try(worker, number, call)
                except BaseException:  # the deadline or the caller's cancellation, and the worker is at it
                    worker.kill()
                    self._free.insert(0, worker)
                    raise
                self._free.append(worker)

    async def _try(self, worker: Worker, number: int, call: _Call) -> tuple[int, ...]:
        now = asyncio.get_running_loop().time
        for _ in range(TRIES):
            try:
                await worker.open()
                call.held.add(number)
                factors = await worker.factor(number, call.deadline - now())
            except WorkerLostError:
                worker.kill()
            else:
                call.held.discard(number)
                return factors
        raise OverloadedError("workers die over a number")
