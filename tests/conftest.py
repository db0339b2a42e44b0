"""What holds for every test: both event loops, nothing that blocks one, and how hard Hypothesis searches.

An `async def` test needs no mark: anyio's plugin runs it on asyncio and on uvloop, which differ in the order of ready
callbacks, so a test that passes on both depends on neither. A test with a loop of its own (the simulation) is a plain
function.
"""

import asyncio
import functools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import ParamSpec, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.kafka_broker import KafkaBroker, running_broker
from tests.servers.redis_server import Fleet, RedisServer, kinds

settings.register_profile("default", deadline=None)  # how long an example may take is not a property
# CI: a verdict must come from the change, not from luck; a failure prints what replays it.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True, database=None)
settings.register_profile(
    "soak",
    settings.get_profile("default"),
    max_examples=5_000,
    stateful_step_count=200,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "default"))

P = ParamSpec("P")
R = TypeVar("R")

EVENT_LOOPS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(
        ("asyncio", {"use_uvloop": True}),
        id="uvloop",
        marks=pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows"),
    ),
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the stories of `tests.scenarios` be written anew with what they print now."""
    parser.addoption("--rewrite", action="store_true", help="rewrite the expected output of tests/scenarios/*.txt")


@pytest.fixture(scope="module", params=EVENT_LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The event loop that an async test, and each async fixture of it, runs on."""
    return request.param


@pytest.fixture(scope="session")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("servers"))
    yield fleet
    fleet.stop()


@pytest.fixture(params=kinds())
def redis_server(request: pytest.FixtureRequest, _fleet: Fleet) -> RedisServer:
    """A real server of each kind that is here: one for each kind and test run, as the test before has left it."""
    return _fleet.running(request.param)


@pytest.fixture(scope="session")
def _kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    broker = running_broker(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.remove()


@pytest.fixture
def kafka_broker(_kafka: KafkaBroker) -> KafkaBroker:
    """A real broker: one for each test run, so a test names topics and groups as no other does."""
    if not _kafka.is_up:
        _kafka.start()
    return _kafka


class BlockedLoopError(AssertionError):
    """Code on an event loop made a call that stops every other task of that loop."""


WAITS = [
    (time, "sleep"),
    (socket, "create_connection"),
    (socket, "getaddrinfo"),
    (subprocess.Popen, "communicate"),
    (subprocess.Popen, "wait"),
    (futures.Future, "exception"),
    (futures.Future, "result"),
]


@pytest.fixture(autouse=True)
def _no_waiting_on_a_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever waits on an event loop's thread without `await`, unless the test is marked `may_block`.

    blockbuster sees more kinds of waiting, but rests on a package that is built from source with unlocked tools.
    """
    if request.node.get_closest_marker("may_block"):
        return
    for owner, name in WAITS:
        monkeypatch.setattr(owner, name, _refusing_on_a_loop(getattr(owner, name)))


def _refusing_on_a_loop(wait: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(wait)
    def refusing(*args: P.args, **kwargs: P.kwargs) -> R:
        there = args[0] if args else None
        if _loop_runs_here() and not (isinstance(there, futures.Future) and there.done()):
            message = f"{wait.__qualname__} on an event loop"
            raise BlockedLoopError(message)
        return wait(*args, **kwargs)

    return refusing


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
