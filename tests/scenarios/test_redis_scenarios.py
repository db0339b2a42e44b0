"""Every story of this folder comes out as it is written, with a real Redis behind it.

Stories are told in real time here, and most of that is waiting. So all are told in one test, many of them at a time.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.scenarios.grammar import steps_of
from tests.scenarios.redis_world import RedisWorld
from tests.scenarios.runner import tell
from tests.scenarios.script import Script, read
from tests.scenarios.test_scenarios import STORIES, expect
from tests.servers.redis_server import ON_DEMAND, RedisServer, kinds, program_named
from tests.simulation.real_time_loop import RealTimeLoop, run_in_real_time

AT_ONCE = 20
"""Stories told at a time: half of what makes two cores late."""


class Telling(NamedTuple):
    """A story, and the kind of server that it is told on."""

    kind: str
    script: Script

    def __str__(self) -> str:
        return f"{self.script.path.stem} on {self.kind}"


@pytest.mark.timeout(300)  # the longest story alone takes a minute and a half
def test_stories(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """On the oldest server each story, and on newer ones those in which something happens to Redis."""
    oldest, *newer = kinds()
    scripts = [read(path) for path in STORIES]
    tellings = [Telling(oldest, script) for script in scripts]
    tellings += [Telling(kind, script) for kind in newer for script in scripts if _is_about_redis(script)]
    told = run_in_real_time(lambda loop: _tell_all(loop, tellings, tmp_path))
    for telling, text in zip(tellings, told, strict=True):
        with subtests.test(str(telling)):
            if isinstance(text, BaseException):
                raise text
            expect(telling.script.path, text, f"as it comes out on {telling.kind}")


async def _tell_all(loop: RealTimeLoop, tellings: Sequence[Telling], directory: Path) -> list[str | BaseException]:
    """The stories as they come out, or what has kept them from it."""
    places = asyncio.Semaphore(AT_ONCE)

    async def told(telling: Telling, server: RedisServer) -> str:
        async with places:
            world = RedisWorld(loop, server, str(telling))
            try:
                return telling.script.text(await tell(telling.script, world))
            finally:
                await world.end()

    # A story wants a server that has been up for longer than a lease: here they all wait for that at the same time.
    servers = [_server(telling.kind, directory / str(telling)) for telling in tellings]
    await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
    longest_first = sorted(range(len(tellings)), key=lambda number: -_waits_s(tellings[number].script))
    tasks = {number: loop.create_task(told(tellings[number], servers[number])) for number in longest_first}
    return await asyncio.gather(*(tasks[number] for number in range(len(tellings))), return_exceptions=True)


def _server(kind: str, directory: Path) -> RedisServer:
    directory.mkdir()
    return RedisServer(program_named(kind), directory, persistence=ON_DEMAND)


def _waits_s(script: Script) -> float:
    return sum(float(step.words[0]) for step in steps_of(script) if step.verb == "tick")


def _is_about_redis(script: Script) -> bool:
    return any(command.verb == "redis" for command in script.commands)
