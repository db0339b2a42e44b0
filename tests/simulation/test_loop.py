"""What the loop of a simulation promises: virtual time, and an order that nothing but the seed decides."""

import asyncio
import os
import subprocess
import sys

import pytest

from tests.simulation import DeadlockError, SimulationLoop, run

HOUR_S = 3_600


def letters_in_the_order_of(seed: int) -> tuple[str, str]:
    """The order in which twelve tasks take a step, and the trace."""

    async def main(loop: SimulationLoop) -> tuple[str, str]:
        letters: list[str] = []

        async def write(letter: str) -> None:
            await asyncio.sleep(1)
            letters.append(letter)

        async with asyncio.TaskGroup() as group:
            for letter in "abcdefghijkl":
                group.create_task(write(letter))
        return "".join(letters), loop.trace_hash

    return run(main, seed=seed)


def test_an_hour_takes_as_long_as_its_steps() -> None:
    """Time jumps over what nobody waits for, and stops exactly at each timer."""

    async def main(loop: SimulationLoop) -> None:
        for hour in range(24):
            assert loop.time() == hour * HOUR_S
            await asyncio.sleep(HOUR_S)
        assert loop.steps < 100

    run(main, seed=1)


def test_time_stands_still_while_anything_is_ready() -> None:
    """The shortest sleep returns when all that can be done at this instant is done, and not before."""

    async def main(loop: SimulationLoop) -> None:
        done: list[float] = []

        async def many_steps() -> None:
            for _ in range(100):
                await asyncio.sleep(0)
            done.append(loop.time())

        async with asyncio.TaskGroup() as group:
            group.create_task(many_steps())
            await asyncio.sleep(1e-9)
            assert done == [0]

    run(main, seed=1)


def test_the_seed_decides_the_order() -> None:
    """One seed, one order; among twenty seeds, twenty orders of twelve tasks."""
    runs = [letters_in_the_order_of(seed) for seed in range(20)]

    assert [letters_in_the_order_of(seed) for seed in range(20)] == runs
    assert len({letters for letters, trace in runs}) == 20
    assert len({trace for letters, trace in runs}) == 20


CANCEL_MANY = """
import asyncio, random
from tests.simulation import SimulationLoop, run

async def main(loop: SimulationLoop) -> str:
    ballast = [tuple(range(random.randrange(60))) for _ in range(20_000)]
    ballast = random.sample(ballast, 10_000)  # holes of all sizes in memory: other addresses in each process
    order = []
    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0)
            order.append(number)
    try:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(wait(number))
    except TimeoutError:
        pass
    futures = [loop.create_future() for _ in range(50)]
    for number, future in enumerate(futures):
        loop.call_later(number % 3, future.set_result, number)
    done, pending = await asyncio.wait(futures, timeout=1)
    return f"{order} {[future.result() for future in done]} {len(pending)} {loop.trace_hash}"

print(run(main, seed=5))
"""


@pytest.mark.may_block
def test_a_seed_replays_in_another_process() -> None:
    """Neither the seed of text hashes nor addresses in memory decide anything: sets of tasks and futures included."""
    replays = [
        subprocess.run(
            [sys.executable, "-c", CANCEL_MANY],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2", "3")
    ]

    assert replays[0].startswith("[")
    assert set(replays) == {replays[0]}


def test_asyncio_works_in_virtual_time() -> None:
    """Timeouts, queues, events, conditions, semaphores and groups do what they do elsewhere."""

    async def main(loop: SimulationLoop) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        assert loop.time() == 30
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_future(), 30)
        assert loop.time() == 60

        queue: asyncio.Queue[int] = asyncio.Queue(2)
        condition = asyncio.Condition()
        semaphore = asyncio.Semaphore(2)
        taken: list[int] = []

        async def produce() -> None:
            for number in range(10):
                await queue.put(number)

        async def consume() -> None:
            for _ in range(10):
                async with semaphore:
                    taken.append(await queue.get())
                async with condition:
                    condition.notify_all()

        async with asyncio.TaskGroup() as group:
            group.create_task(consume())
            group.create_task(produce())
            async with condition:
                await condition.wait_for(lambda: len(taken) == 10)
        assert taken == list(range(10))
        assert list(await asyncio.gather(asyncio.sleep(2, "a"), asyncio.sleep(1, "b"))) == ["a", "b"]
        assert loop.time() == 62

    run(main, seed=3)


@pytest.mark.parametrize("delay_s", [0, -1])
def test_a_timer_without_delay_waits_for_nothing(delay_s: float) -> None:
    """A timer that is due when it is set is as ready as any other call."""

    async def main(loop: SimulationLoop) -> None:
        called = loop.create_future()
        loop.call_later(delay_s, called.set_result, None)
        await called
        assert loop.time() == 0

    run(main, seed=1)


def test_a_cancelled_timer_takes_no_time_and_no_room() -> None:
    """Deadlines that were met are forgotten long before they would have come due."""

    async def main(loop: SimulationLoop) -> None:
        for _ in range(10_000):
            loop.call_later(HOUR_S, print).cancel()
        assert len(loop._timers) < 2_000
        await loop.create_future()

    with pytest.raises(DeadlockError) as caught:
        run(main, seed=1)
    assert "t=0 s" in caught.value.__notes__[-1]


def test_there_is_no_way_out() -> None:
    """Threads and sockets are refused, rather than letting the real world decide an order."""

    async def main(loop: SimulationLoop) -> None:
        with pytest.raises(RuntimeError, match="no threads"):
            await asyncio.to_thread(print)
        with pytest.raises(RuntimeError, match="no threads"):
            await asyncio.open_connection("localhost", 80)
        with pytest.raises(NotImplementedError):
            loop.add_reader(0, print)

    run(main, seed=1)


def test_asyncios_own_runner_takes_the_loop() -> None:
    """`SimulationLoop` is an event loop like any other, also for those who bring their own way to run it."""
    with asyncio.Runner(loop_factory=lambda: SimulationLoop(1)) as runner:
        assert runner.run(asyncio.sleep(HOUR_S, "rested")) == "rested"
