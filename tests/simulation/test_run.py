"""What a run promises: it ends, it ends quietly, and nothing in it fails unseen."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from tests.simulation import DeadlockError, RunawayError, SimulationLoop, run


def test_a_deadlock_says_who_waits_where() -> None:
    """Nothing ready and no timer: the error lists each task with its node, the node's state and its line of code."""

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    async def main(loop: SimulationLoop) -> None:
        loop.node("r1").start(wait_for_ever())
        r2 = loop.node("r2")
        r2.start(asyncio.sleep(5))
        r2.pause()
        r3 = loop.node("r3")
        r3.start(wait_for_ever())
        r3.kill()
        await loop.create_future()

    with pytest.raises(DeadlockError) as caught:
        run(main, seed=1)
    first, *tasks = str(caught.value).splitlines()
    assert first == "nothing is ready and no timer is set; waiting:"
    assert len(tasks) == 3
    assert "[outside] at" in tasks[0]
    assert ".main (test_run.py:" in tasks[0]
    assert "[r1, running] at Event.wait (locks.py:" in tasks[1]
    assert "[r2, paused] at sleep (tasks.py:" in tasks[2]


@pytest.mark.parametrize(("pause_s", "reason"), [(0, "more than 1000 steps"), (1, "more than 100 s of virtual time")])
def test_a_run_that_does_not_end_is_ended(pause_s: float, reason: str) -> None:
    """Too many steps or too much time: the error says which, and who was waiting."""

    async def spin() -> None:
        for _ in itertools.count():
            await asyncio.sleep(pause_s)

    async def main(loop: SimulationLoop) -> None:
        loop.node("r1").start(spin())
        await loop.create_future()

    with pytest.raises(RunawayError, match=rf"(?s){reason}; waiting:.*main.*r1, running") as caught:
        run(main, seed=1, max_steps=1_000, max_time_s=100)
    assert "seed=1" in caught.value.__notes__[-1]


def test_garbage_is_collected_at_certain_steps_only() -> None:
    """A collection can run code, so it is a step of the simulation like any other, and comes in each replay."""

    async def main(loop: SimulationLoop) -> list[int]:
        collected_at: list[int] = []

        class Cycle:
            def __init__(self) -> None:
                self.me = self

            def __del__(self) -> None:
                collected_at.append(loop.steps)

        for number in range(100_001):
            if number % 1_000 == 0:
                Cycle()
            await asyncio.sleep(0)
        return collected_at

    collected_at = run(main, seed=1)
    assert collected_at[:100] == [100_000] * 100
    assert gc.isenabled()


async def _fail() -> None:
    raise LookupError("broken")


def _fail_at_once() -> None:
    raise LookupError("broken")


async def _fail_in_a_callback(loop: SimulationLoop) -> None:
    loop.call_later(1, _fail_at_once)
    await asyncio.sleep(2)


async def _fail_in_main(_loop: SimulationLoop) -> None:
    await asyncio.sleep(1)
    await _fail()


async def _fail_in_a_lost_task(loop: SimulationLoop) -> None:
    task = loop.create_task(_fail())
    await asyncio.sleep(1)
    del task
    await asyncio.sleep(1)


async def _fail_in_a_node(loop: SimulationLoop) -> None:
    loop.node("r1").start(_fail())
    await loop.create_future()


@pytest.mark.parametrize("main", [_fail_in_a_callback, _fail_in_main, _fail_in_a_lost_task, _fail_in_a_node])
def test_what_fails_fails_the_run(main: Callable[[SimulationLoop], Coroutine[Any, Any, None]]) -> None:
    """An exception of main, a callback, a lost task or a node's program comes out of `run`, with the seed."""
    with pytest.raises(LookupError, match="broken") as caught:
        run(main, seed="a seed")
    assert caught.value.__notes__[-1].startswith("simulation: seed='a seed', step ")


def test_a_task_that_is_lost_fails_the_run() -> None:
    """A task that only a cycle refers to could vanish at any moment: an error, found at the end at the latest."""

    async def wait_for_nobody() -> None:
        await asyncio.get_running_loop().create_future()

    async def main(loop: SimulationLoop) -> None:
        task = loop.create_task(wait_for_nobody())
        await asyncio.sleep(1)
        del task

    with pytest.raises(ExceptionGroup, match="nobody saw these fail") as caught:
        run(main, seed=1)
    assert "Task was destroyed but it is pending" in str(caught.value.exceptions[0])


def test_the_end_is_quiet() -> None:
    """What still waits when main returns is thrown away without a warning, even if its `finally` blocks await."""
    tasks: list[asyncio.Task[None]] = []

    async def endless(loop: SimulationLoop) -> AsyncIterator[int]:
        try:
            while True:
                await loop.create_future()
                yield 1
        finally:
            await asyncio.sleep(1)

    async def holds_on(loop: SimulationLoop) -> None:
        never_awaited = asyncio.sleep(1)
        try:
            try:
                async for _ in endless(loop):
                    pass
            finally:
                await loop.create_future()
        finally:
            await loop.create_future()
            await never_awaited

    async def main(loop: SimulationLoop) -> None:
        tasks.append(loop.create_task(holds_on(loop)))
        tasks.append(loop.node("r1").run(holds_on(loop)))
        await asyncio.sleep(1)
        tasks.append(loop.node("r2").run(holds_on(loop)))

    run(main, seed=1)
    assert [getattr(task.get_coro(), "cr_frame", "none") for task in tasks] == [None, None, None]
    tasks.clear()
    gc.collect()  # any complaint would be a warning, and so fail this test
