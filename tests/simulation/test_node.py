"""What a simulated process promises: it is stopped, continued and killed as a whole, in the middle of anything."""

import asyncio
import gc

import pytest

from tests.simulation import DeadlockError, Node, SimulationLoop, current_node, run


async def tick(ticks: list[float]) -> None:
    """Note the time, each second."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(1)
        ticks.append(loop.time())


async def answer_after(delay_s: float) -> str:
    await asyncio.sleep(delay_s)
    return "answer"


def test_all_that_a_node_starts_belongs_to_it() -> None:
    """Tasks of tasks, callbacks and timers carry their node; what runs outside has none."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        seen: list[Node | None] = []

        async def look() -> None:
            seen.append(current_node.get())

        async def start() -> None:
            asyncio.get_running_loop().call_soon(lambda: seen.append(current_node.get()))
            asyncio.get_running_loop().call_later(1, lambda: seen.append(current_node.get()))
            async with asyncio.TaskGroup() as group:
                group.create_task(look())
            await asyncio.sleep(2)

        await r1.run(start())
        assert seen == [r1, r1, r1]
        assert current_node.get() is None
        assert repr(r1) == "<Node r1 running>"

    run(main, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_a_paused_node_stands_still_while_time_goes_on(seed: int) -> None:
    """No step of it runs, a timer that came due fires once at the resumption, and others are not disturbed."""

    async def main(loop: SimulationLoop) -> None:
        r1, r2 = loop.node("r1"), loop.node("r2")
        first: list[float] = []
        second: list[float] = []
        r1.start(tick(first))
        r2.start(tick(second))
        await asyncio.sleep(2.5)
        r1.pause()
        assert (r1.state, r1.alive, r1.running) == ("paused", True, False)
        await asyncio.sleep(10)
        assert first == [1, 2]
        r1.resume()
        await asyncio.sleep(1.75)
        assert first == [1, 2, 12.5, 13.5]
        assert second == list(range(1, 15))

    run(main, seed=seed)


def test_a_paused_node_learns_afterwards_what_happened_outside() -> None:
    """A future of a server that is resolved during the pause is a step of the node that waits for the resumption."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        reply = loop.create_future()
        received: list[tuple[str, float]] = []

        async def ask() -> None:
            received.append((await reply, loop.time()))

        task = r1.run(ask())
        await asyncio.sleep(1)
        r1.pause()
        reply.set_result("stored")
        await asyncio.sleep(60)
        assert received == []
        r1.resume()
        await task
        assert received == [("stored", 61)]

    run(main, seed=1)


def test_steps_that_were_ready_at_the_pause_wait_too() -> None:
    """What has been scheduled but not run when the signal comes is set aside, and can still be cancelled."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        task = r1.run(answer_after(0))
        doomed = r1.run(answer_after(0))
        r1.pause()
        await asyncio.sleep(1)
        assert not task.done()
        doomed.cancel()
        r1.resume()
        assert await task == "answer"
        with pytest.raises(asyncio.CancelledError):
            await doomed

    run(main, seed=1)


def test_a_killed_node_runs_nothing_more() -> None:
    """No `finally`, no cancellation, no timer: not at the kill, not when replies come, not at collections."""
    traces: list[str] = []

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        reply = loop.create_future()

        async def work() -> None:
            try:
                await reply
            finally:
                traces.append("finally")

        async def start() -> None:
            loop.call_later(5, traces.append, "timer")
            loop.call_soon(r1.kill)
            async with asyncio.TaskGroup() as group:
                group.create_task(work())

        r1.start(start())
        await asyncio.sleep(1)
        assert (r1.state, r1.alive, r1.running) == ("dead", False, False)
        reply.set_result(None)
        await asyncio.sleep(60)
        gc.collect()
        r1.resume()
        r1.kill()
        await asyncio.sleep(60)
        assert r1.state == "dead"
        assert traces == []

    run(main, seed=1)


def test_the_last_step_of_a_dead_node_starts_nothing() -> None:
    """A kill from within lets the running step go on to its next `await`; what that step starts never runs."""
    traces: list[str] = []

    async def trace() -> None:
        traces.append("started")

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")

        async def die() -> None:
            r1.kill()
            traces.append("still in the step")
            task = asyncio.get_running_loop().create_task(trace())
            del task
            await asyncio.sleep(0)
            traces.append("after the step")

        r1.start(die())
        await asyncio.sleep(60)
        gc.collect()

    run(main, seed=1)
    assert traces == ["still in the step"]


def test_dead_timers_are_no_reason_to_wait() -> None:
    """Only what can still run lets time pass."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        r1.start(tick([]))
        await asyncio.sleep(1.5)
        r1.kill()
        await loop.create_future()

    with pytest.raises(DeadlockError) as caught:
        run(main, seed=1)
    assert "t=1.5 s" in caught.value.__notes__[-1]


def test_a_name_lives_once() -> None:
    """A restart is a new node under the old name; two at a time would be a mistake of the test."""

    async def main(loop: SimulationLoop) -> None:
        old = loop.node("r1")
        with pytest.raises(ValueError, match="r1 is alive"):
            loop.node("r1")
        old.kill()
        new = loop.node("r1")
        assert await new.run(answer_after(1)) == "answer"
        assert [node.state for node in loop.nodes] == ["dead", "running"]

    run(main, seed=1)


def test_a_node_that_is_cancelled_has_not_failed() -> None:
    """A program that ends by cancellation, as at SIGTERM, is no failure of the simulation."""

    async def main(loop: SimulationLoop) -> None:
        async def stop() -> None:
            await asyncio.sleep(1)
            raise asyncio.CancelledError

        loop.node("r1").start(stop())
        await asyncio.sleep(2)

    run(main, seed=1)
