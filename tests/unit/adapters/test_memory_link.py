"""The links between clients and servers in memory, the faulty one in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from factorsvc.adapters.memory.faulty_link import FaultyLink, Weather
from factorsvc.adapters.memory.link import DirectLink, Link, LinkDownError
from tests.simulation.loop import SimulationLoop
from tests.simulation.node import current_node
from tests.simulation.run import run


class Server:
    """Notes which calls took effect, when, and in whose context."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.times: list[float] = []
        self.nodes: list[object] = []

    def effect(self, number: int) -> Callable[[], int]:
        def effect() -> int:
            self.done.append(number)
            self.times.append(asyncio.get_running_loop().time())
            self.nodes.append(current_node.get())
            return number * 10

        return effect


async def outcome_of(call: Awaitable[object]) -> object:
    """What a call returns, or the error that it raises."""
    try:
        return await call
    except (LinkDownError, ZeroDivisionError) as error:
        return type(error)


async def outcomes_of(link: Link, effects: list[Callable[[], int]]) -> list[object]:
    """The outcomes of calls made in the order of `effects`, all under way at once."""
    first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    turns = [first, *(asyncio.get_running_loop().create_future() for _ in effects)]

    async def in_turn(number: int) -> object:
        await turns[number]
        call = link.call(effects[number])
        turns[number + 1].set_result(None)
        return await outcome_of(call)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_turn(number)) for number in range(len(effects))]
        first.set_result(None)
    return [task.result() for task in tasks]


def in_simulation(
    weather: Weather, test: Callable[[SimulationLoop, FaultyLink, Server], Awaitable[None]], seed: int = 1
) -> Server:
    """Run `test` with a link through `weather`."""
    server = Server()

    async def main(loop: SimulationLoop) -> None:
        await test(loop, FaultyLink(weather, Random(seed), loop.neutral_context), server)

    run(main, seed=seed)
    return server


async def test_direct_link_answers_and_raises_what_the_server_does() -> None:
    link = DirectLink()
    assert await link.call(Server().effect(1)) == 10
    with pytest.raises(ZeroDivisionError):
        await link.call(lambda: 1 // 0)
    link.cut()
    assert await link.call(Server().effect(2)) == 20


async def test_direct_link_gives_others_a_turn() -> None:
    turns: list[str] = []

    async def one(name: str) -> None:
        for _ in range(2):
            await DirectLink().call(lambda: turns.append(name))

    async with asyncio.TaskGroup() as group:
        group.create_task(one("a"))
        group.create_task(one("b"))
    assert sorted(turns[:2]) == ["a", "b"]


@pytest.mark.parametrize("seed", range(10))
def test_calls_take_effect_in_the_order_in_which_they_were_made(seed: int) -> None:
    weather = Weather(request_s=(0.0, 0.5), answer_s=(0.0, 0.5))

    async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        assert await outcomes_of(link, [server.effect(n) for n in range(20)]) == [n * 10 for n in range(20)]

    server = in_simulation(weather, test, seed)
    assert server.done == list(range(20))
    assert server.times == sorted(server.times)
    assert server.times[-1] > 0


def test_calls_of_one_instant_keep_their_order_though_timers_do_not() -> None:
    """The simulation fires the timers of one instant in any order; the calls must not follow it."""
    for seed in range(10):

        async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
            await outcomes_of(link, [server.effect(n) for n in range(5)])

        assert in_simulation(Weather(request_s=(1.0, 1.0)), test, seed).done == list(range(5))


def test_delays_are_those_of_the_weather() -> None:
    async def test(loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        await link.call(server.effect(1))
        assert loop.time() == pytest.approx(0.75)

    assert in_simulation(Weather(request_s=(0.5, 0.5), answer_s=(0.25, 0.25)), test).times == [pytest.approx(0.5)]


def test_what_the_server_raises_is_raised_at_the_caller() -> None:
    async def test(_loop: SimulationLoop, link: FaultyLink, _server: Server) -> None:
        assert await outcome_of(link.call(lambda: 1 // 0)) is ZeroDivisionError

    in_simulation(Weather(), test)


def test_a_lost_request_has_no_effect_and_no_answer() -> None:
    async def test(loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        assert await outcome_of(link.call(server.effect(1))) is LinkDownError
        assert loop.time() == pytest.approx(2.0), "the link gives up by itself"
        assert await outcome_of(link.call(server.effect(2), timeout_s=0.5)) is LinkDownError
        assert loop.time() == pytest.approx(2.5)
        await asyncio.sleep(100)

    assert in_simulation(Weather(request_lost=1.0), test).done == []


def test_a_lost_answer_leaves_the_effect() -> None:
    async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        assert await outcome_of(link.call(server.effect(1))) is LinkDownError

    assert in_simulation(Weather(answer_lost=1.0), test).done == [1]


def test_a_late_effect_outlives_the_caller_s_patience_and_the_connection() -> None:
    weather = Weather(late=1.0, late_s=(10.0, 10.0))

    async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        assert await outcome_of(link.call(server.effect(1))) is LinkDownError
        assert server.done == []
        link.cut()
        weather.late = 0.0
        assert await link.call(server.effect(2)) == 20
        await asyncio.sleep(20)

    server = in_simulation(weather, test)
    assert server.done == [2, 1]
    assert server.times[1] == pytest.approx(10.0)


def test_a_cut_fails_what_is_under_way_and_stops_what_has_not_taken_effect() -> None:
    async def test(loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        loop.call_later(1.5, link.cut)
        async with asyncio.TaskGroup() as group:
            early = group.create_task(outcome_of(link.call(server.effect(1), timeout_s=10)))
            await asyncio.sleep(1.0)
            late = group.create_task(outcome_of(link.call(server.effect(2), timeout_s=10)))
        assert (early.result(), late.result()) == (LinkDownError, LinkDownError)
        assert loop.time() == pytest.approx(1.5), "it fails at once"
        await asyncio.sleep(10)
        assert await link.call(server.effect(3)) == 30, "a new connection"

    assert in_simulation(Weather(request_s=(1.0, 1.0), answer_s=(1.0, 1.0)), test).done == [1, 3]


def test_a_cut_by_an_effect_stops_the_calls_behind_it() -> None:
    async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        def fence() -> int:
            link.cut()
            return server.effect(0)()

        outcomes = await outcomes_of(link, [fence, server.effect(1)])
        assert outcomes == [LinkDownError, LinkDownError]

    assert in_simulation(Weather(request_s=(1.0, 1.0)), test).done == [0]


def test_nothing_gets_through_while_the_link_is_down() -> None:
    weather = Weather(request_s=(1.0, 1.0), answer_s=(1.0, 1.0))

    async def test(loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        loop.call_later(1.5, setattr, weather, "down", True)
        async with asyncio.TaskGroup() as group:
            answer_lost = group.create_task(outcome_of(link.call(server.effect(1), timeout_s=5)))
            await asyncio.sleep(1.0)
            request_lost = group.create_task(outcome_of(link.call(server.effect(2), timeout_s=5)))
            await asyncio.sleep(1.0)
            never_sent = group.create_task(outcome_of(link.call(server.effect(3), timeout_s=5)))
        assert {answer_lost.result(), request_lost.result(), never_sent.result()} == {LinkDownError}
        weather.down = False
        assert await outcome_of(link.call(server.effect(4), timeout_s=5)) == 40

    assert in_simulation(weather, test).done == [1, 4]


@pytest.mark.parametrize("fate", ["pause", "kill"])
def test_a_caller_that_stops_does_not_stop_its_effect(fate: str) -> None:
    """The server acts on what it was sent, whatever becomes of the sender; and on what others sent after it."""

    async def test(loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        node = loop.node("replica")
        answers: list[int] = []

        async def main() -> None:
            answers.append(await link.call(server.effect(1)))

        node.start(main())
        await asyncio.sleep(0.5)
        getattr(node, fate)()
        await asyncio.sleep(1.0)
        assert server.done == [1]
        assert await link.call(server.effect(2), timeout_s=5) == 20
        assert answers == []
        node.resume()
        await asyncio.sleep(0.1)
        assert answers == ([10] if fate == "pause" else [])

    server = in_simulation(Weather(request_s=(1.0, 1.0)), test)
    assert server.done == [1, 2]
    assert server.nodes == [None, None], "effects are nobody's but the server's"


def test_a_cancelled_call_still_takes_effect() -> None:
    async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await link.call(server.effect(1))
        await asyncio.sleep(1)

    assert in_simulation(Weather(request_s=(1.0, 1.0)), test).done == [1]


def test_a_seed_replays() -> None:
    weather = Weather(request_s=(0, 1), answer_s=(0, 1), request_lost=0.2, answer_lost=0.2, late=0.2)

    def history(seed: int) -> tuple[list[int], list[float]]:
        async def test(_loop: SimulationLoop, link: FaultyLink, server: Server) -> None:
            await outcomes_of(link, [server.effect(n) for n in range(30)])
            await asyncio.sleep(60)

        server = in_simulation(weather, test, seed)
        return server.done, server.times

    assert history(7) == history(7)
    assert history(7) != history(8)
