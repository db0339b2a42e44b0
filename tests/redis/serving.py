"""The whole service as a process, on a real Redis. Its bus is in memory: replicas that share one are in one process."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import httpx

from tests.cli.command import PATIENCE_S, Command, running
from tests.servers.redis_server import HOST, LOOK_AGAIN_S, PASSWORD, RedisServer

JSON = {"content-type": "application/json"}
WITHOUT_KAFKA = """
from factorsvc.container import Container
Container.bus.override(Container.memory_bus)
"""
THREE = """
from functools import partial
from factorsvc.entrypoints import cli, dev
cli.run_process = partial(cli.run_process, replicas=3, deal=dev.Turns)
"""
"""Makes three replicas of one; requests are dealt in turn."""


class Service:
    """A running process and its client."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.port = command.event("listening")["port"]
        self.client = self.new_client()

    def new_client(self) -> httpx.Client:
        """One more client, for another thread."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=PATIENCE_S)

    def events(self, name: str, count: int) -> list[dict[str, Any]]:
        """All that is logged until so many events of that `name` have come, the last of which is the last."""
        events: list[dict[str, Any]] = []
        while sum(event["event"] == name for event in events) < count:
            events.append(json.loads(self.command.line()))
        return events

    def settle(self, replicas: int) -> None:
        """Return when so many have found their classes, and no class is on its way to anywhere."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_settled(replicas):
            assert time.monotonic() < deadline
            time.sleep(LOOK_AGAIN_S)

    def _is_settled(self, replicas: int) -> bool:
        known = self.client.get("/cluster").json()["replicas"]
        served = [len(one["serving"]) for one in known if not one["restoring"] and not one["retiring"]]
        return len(known) == len(served) == replicas and max(served) - min(served) <= 1

    def post(self, values: list[int], ttl_s: int | None = None) -> httpx.Response:
        """Store `values`."""
        query = {} if ttl_s is None else {"ttl": ttl_s}
        return self.client.post("/values", params=query, content=json.dumps(values), headers=JSON)


@contextmanager
def service(server: RedisServer, *, script: str = "", **settings: object) -> Iterator[Service]:
    """Run one at `server`; `script` is Python that comes first, in the same process."""
    redis = {"redis_host": HOST, "redis_port": server.port, "redis_password": PASSWORD}
    defaults: Mapping[str, object] = {"backend": "cluster", "http_port": 0, "drain_delay_s": 0, "log_format": "json"}
    with running("serve", settings={**defaults, **redis, **settings}, script=WITHOUT_KAFKA + script) as command:
        serving = Service(command)
        with serving.client:
            yield serving


class Poll:
    """GETs one prime again and again while entered; each answer is one of `right`, whole, or a 503, or it fails."""

    def __init__(self, serving: Service, prime: int, *right: set[int]) -> None:
        self._client = serving.new_client()
        self._prime = prime
        self._right = right
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self._came = threading.Condition()
        self.whole = 0
        self.unavailable = 0
        self.wrong: list[tuple[int, bytes]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._client.close()
        assert self.wrong == []

    def until_whole(self, times: int = 1) -> None:
        """Return when so many more answers were whole, of requests sent from now on."""
        with self._came:
            enough = self.whole + times + 1  # the next one may have been sent before
            assert self._came.wait_for(lambda: self.wrong or self.whole >= enough, PATIENCE_S)

    def until_unavailable(self) -> None:
        """Return when one more answer was a 503."""
        with self._came:
            enough = self.unavailable + 1
            assert self._came.wait_for(lambda: self.wrong or self.unavailable >= enough, PATIENCE_S)

    def _poll(self) -> None:
        while not self._ends.is_set():
            answer = self._client.get(f"/values/{self._prime}")
            with self._came:
                if answer.status_code == 503:
                    self.unavailable += 1
                elif answer.status_code == 200 and found_in(answer) in self._right:
                    self.whole += 1
                else:
                    self.wrong.append((answer.status_code, answer.content))
                self._came.notify_all()


def found_in(answer: httpx.Response) -> set[int]:
    """The values that were found, each of which is there once."""
    values = [found["value"] for found in answer.json()]
    assert len(values) == len(set(values))
    return set(values)
