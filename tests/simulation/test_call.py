"""What lies between a node and the rest: calls into it from outside, and what it has done outside on its behalf."""

import asyncio

import pytest

from tests.simulation import BrokenOffError, Node, SimulationLoop, current_node, run


async def answer_after(delay_s: float) -> str:
    await asyncio.sleep(delay_s)
    return "answer"


def test_a_call_gets_the_answer_or_the_error() -> None:
    """`call` is a client's request: it runs in the node, and its result comes out."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")

        async def which() -> Node | None:
            await asyncio.sleep(1)
            return current_node.get()

        async def fail() -> None:
            raise LookupError("broken")

        assert await r1.call(which()) is r1
        with pytest.raises(LookupError, match="broken"):
            await r1.call(fail())

    run(main, seed=1)


def test_a_call_breaks_off_when_its_node_dies() -> None:
    """As a connection does at `kill -9`; a call to a node that is dead already is refused."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        loop.call_later(1, r1.pause)
        loop.call_later(5, r1.kill)
        with pytest.raises(BrokenOffError, match="r1 is dead"):
            await r1.call(answer_after(2))
        assert loop.time() == 5
        with pytest.raises(BrokenOffError, match="r1 is dead"):
            await r1.call(answer_after(2))

    run(main, seed=1)


def test_a_client_that_goes_away_cancels_its_call() -> None:
    """The node sees a cancellation; a node that gives up a call on its own breaks it off."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        cancelled_at: list[float] = []

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled_at.append(loop.time())
                raise

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await r1.call(work())
        await asyncio.sleep(1)
        assert cancelled_at == [5]

        async def give_up() -> None:
            raise asyncio.CancelledError

        with pytest.raises(BrokenOffError, match="r1 is running"):
            await r1.call(give_up())

    run(main, seed=1)


def test_what_is_started_outside_outlives_the_node() -> None:
    """A server's timers and tasks on behalf of a node are the server's, whoever called."""

    async def main(loop: SimulationLoop) -> None:
        r1 = loop.node("r1")
        done: list[str] = []

        async def append() -> None:
            await asyncio.sleep(1)
            done.append(f"task of {current_node.get()}")

        async def ask() -> None:
            loop.outside(loop.call_later, 1, done.append, "timer")
            task = loop.outside(loop.create_task, append())
            loop.call_later(1, done.append, "own timer", context=loop.neutral_context)
            await task

        r1.start(ask())
        await asyncio.sleep(0.5)
        r1.kill()
        await asyncio.sleep(1)
        assert sorted(done) == ["own timer", "task of None", "timer"]

    run(main, seed=1)
