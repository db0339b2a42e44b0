"""How the pool shares its workers out, and what it makes of one that dies, with workers that a test drives by hand."""

import asyncio
from collections.abc import Coroutine

import pytest

from factorsvc.adapters.factorizers import worker_pool
from factorsvc.adapters.factorizers.engine import Engine, engine_named
from factorsvc.adapters.factorizers.worker import Worker, WorkerLostError
from factorsvc.adapters.factorizers.worker_pool import TRIES, WorkerPool
from factorsvc.domain.errors import FactoringTimeoutError, OverloadedError
from tests.contracts.factorizer_contract import HARD, PAIRS, at, settle
from tests.unit.application.building import in_virtual_time

Factors = list[tuple[int, ...]]


class DrivenWorker(Worker):
    """Does what its test says: what it is at stays so until `work` is resolved."""

    def __init__(self, engine: Engine) -> None:
        self.opened = self.killed = 0
        self.closed = False
        self.at: int | None = None
        self.limit_s = 0.0
        self.opening: asyncio.Future[None] | None = None
        self.work: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        self.opened += 1
        if self.opening:
            await self.opening

    async def factor(self, number: int, limit_s: float) -> tuple[int, ...]:
        self.at, self.limit_s = number, limit_s
        self.work = asyncio.get_running_loop().create_future()
        try:
            return await self.work
        finally:
            self.at = None

    def kill(self) -> None:
        self.killed += 1

    async def close(self) -> None:
        self.closed = True

    def finish(self) -> None:
        """Be done with the present number."""
        assert self.at
        self.work.set_result(PAIRS[HARD.index(self.at)])

    def die(self) -> None:
        """Be lost over the present number."""
        self.work.set_exception(WorkerLostError())


class DrivenPool(WorkerPool):
    """A pool of them, first in the list who is hired first."""

    def __init__(self, workers: int, queue: int = 64) -> None:
        self.hired: list[DrivenWorker] = []
        super().__init__(engine_named("flint"), workers=workers, queue=queue, hire=self._hire)

    def _hire(self, engine: Engine) -> DrivenWorker:
        self.hired.append(DrivenWorker(engine))
        return self.hired[-1]

    @property
    def at_work(self) -> list[int]:
        """The numbers that are with workers, in the order of HARD."""
        return sorted((worker.at for worker in self.hired if worker.at), key=HARD.index)

    def busy(self, number: int) -> DrivenWorker:
        """The worker that is at `number`."""
        return next(worker for worker in self.hired if worker.at == number)


async def raised_by(call: Coroutine[None, None, Factors]) -> BaseException | None:
    """The error with which `call` ends: as data, so that no task group ends with it."""
    try:
        await call
    except (OverloadedError, FactoringTimeoutError, ValueError) as error:
        return error
    return None


async def test_no_worker_is_opened_before_a_hard_number_comes() -> None:
    pool = DrivenPool(2)
    await pool.factor([1, 144, 2**255, 2**255 - 19, 720 * (2**127 - 1)], at(15))
    assert [worker.opened for worker in pool.hired] == [0, 0]


async def test_a_request_holds_at_most_half_of_the_workers() -> None:
    pool = DrivenPool(4)
    async with asyncio.TaskGroup() as calls:
        first = calls.create_task(pool.factor(HARD[:4], at(15)))
        await settle()
        assert pool.at_work == HARD[:2]
        second = calls.create_task(pool.factor(HARD[4:], at(15)))
        await settle()
        assert pool.at_work == HARD[:2] + HARD[4:]
        for number in HARD[:2] + HARD[4:]:
            pool.busy(number).finish()
        await settle()
        assert pool.at_work == HARD[2:4]
        for number in HARD[2:4]:
            pool.busy(number).finish()
    assert (first.result(), second.result()) == (PAIRS[:4], PAIRS[4:])


async def test_two_requests_take_turns_at_one_worker() -> None:
    pool = DrivenPool(1)
    turns = []
    async with asyncio.TaskGroup() as calls:
        calls.create_task(pool.factor(HARD[:3], at(15)))
        await settle()
        calls.create_task(pool.factor(HARD[3:], at(15)))
        for _ in HARD:
            await settle()
            turns.append(pool.at_work[0])
            pool.hired[0].finish()
    assert turns == [HARD[i] for i in (0, 3, 1, 4, 2, 5)]


async def test_a_number_that_stands_there_twice_is_factored_once() -> None:
    pool = DrivenPool(4)
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(pool.factor([HARD[0], HARD[0]], at(15)))
        await settle()
        assert pool.at_work == HARD[:1]
        pool.busy(HARD[0]).finish()
    assert call.result() == PAIRS[:1] * 2


async def test_a_worker_is_told_the_time_that_is_left() -> None:
    pool = DrivenPool(1)
    async with asyncio.TaskGroup() as calls:
        calls.create_task(pool.factor(HARD[:1], at(15)))
        await settle()
        assert 1 < pool.hired[0].limit_s < 16
        pool.hired[0].finish()


async def test_an_open_worker_is_taken_before_one_that_is_not() -> None:
    pool = DrivenPool(3)
    async with asyncio.TaskGroup() as calls:
        for number in HARD[:2]:
            calls.create_task(pool.factor([number], at(15)))
            await settle()
            pool.busy(number).finish()
            await settle()
    assert [worker.opened for worker in pool.hired] == [0, 0, 2]


@pytest.mark.parametrize("ended_by", ["deadline", "caller"])
@in_virtual_time
async def test_only_the_busy_worker_is_killed_and_then_taken_last(ended_by: str) -> None:
    pool = DrivenPool(2)
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(raised_by(pool.factor(HARD[:1], at(0.01 if ended_by == "deadline" else 60))))
        await settle()
        if ended_by == "caller":
            call.cancel()
    assert [worker.killed for worker in pool.hired] == [0, 1]
    async with asyncio.TaskGroup() as calls:
        calls.create_task(pool.factor(HARD[:1], at(15)))
        await settle()
        assert pool.hired[0].at == HARD[0]
        pool.hired[0].finish()


async def test_a_number_whose_worker_dies_is_tried_again() -> None:
    pool = DrivenPool(1)
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(pool.factor(HARD[:1], at(15)))
        await settle()
        pool.hired[0].die()
        await settle()
        assert (pool.hired[0].killed, pool.hired[0].opened) == (1, 2)
        pool.hired[0].finish()
    assert call.result() == PAIRS[:1]


async def test_a_number_over_which_workers_die_is_given_up_and_the_next_one_is_served() -> None:
    pool = DrivenPool(1)
    async with asyncio.TaskGroup() as calls:
        deadly = calls.create_task(raised_by(pool.factor(HARD[:1], at(15))))
        for _ in range(TRIES):
            await settle()
            assert not deadly.done()
            pool.hired[0].die()
        await settle()
        harmless = calls.create_task(pool.factor(HARD[1:2], at(15)))
        await settle()
        pool.hired[0].finish()
    assert isinstance(deadly.result(), OverloadedError)
    assert harmless.result() == PAIRS[1:2]


async def test_a_worker_that_does_not_come_up_is_tried_again_and_given_up() -> None:
    pool = DrivenPool(1)
    pool.hired[0].opening = asyncio.get_running_loop().create_future()
    pool.hired[0].opening.set_exception(WorkerLostError())
    with pytest.raises(OverloadedError):
        await pool.factor(HARD[:1], at(15))
    assert pool.hired[0].opened == TRIES


@in_virtual_time
async def test_a_number_is_not_to_blame_while_its_worker_comes_up() -> None:
    pool = DrivenPool(1)
    pool.hired[0].opening = asyncio.get_running_loop().create_future()
    with pytest.raises(OverloadedError):
        await pool.factor(HARD[:1], at(0.01))
    assert pool.hired[0].killed == 1


async def test_an_error_of_the_library_is_the_calls_own_and_ends_the_other_lanes() -> None:
    pool = DrivenPool(4)
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(raised_by(pool.factor(HARD[:3], at(15))))
        await settle()
        pool.busy(HARD[0]).work.set_exception(ValueError("a bug"))
    assert repr(call.result()) == "ValueError('a bug')"
    assert pool.at_work == []
    assert sum(worker.killed for worker in pool.hired) == 2


async def test_after_its_end_a_pool_refuses_what_is_hard_and_only_that() -> None:
    pool = DrivenPool(1)
    async with asyncio.TaskGroup() as calls:
        held = calls.create_task(raised_by(pool.factor(HARD[:1], at(15))))
        waiting = calls.create_task(raised_by(pool.factor(HARD[1:2], at(15))))
        await settle()
        await pool.aclose()
        await settle()
        assert held.done()
        assert waiting.done()
    assert isinstance(held.result(), OverloadedError)
    assert isinstance(waiting.result(), OverloadedError)
    assert pool.hired[0].closed
    opened = pool.hired[0].opened
    with pytest.raises(OverloadedError):
        await pool.factor(HARD[:1], at(15))
    assert pool.hired[0].opened == opened
    assert await pool.factor([6], at(15)) == [(2, 3)]
    await pool.aclose()


async def test_the_end_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    pool = DrivenPool(1)
    monkeypatch.setattr(worker_pool, "CLOSE_S", 0.01)
    monkeypatch.setattr(pool.hired[0], "close", hang)
    with pytest.raises(TimeoutError):
        await pool.aclose()
