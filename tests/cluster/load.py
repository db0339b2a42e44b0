"""Clients that post and read without a pause, and judge each answer by what they know they have stored."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from random import Random
from typing import Self

import httpx

from tests.cli.command import PATIENCE_S
from tests.cluster.replicas import Replica
from tests.redis.serving import JSON, found_in

PRIMES = (10_007, 10_009, 10_037, 10_039)
"""One for each client, which alone posts multiples of it, so that it knows what a GET must find."""


class Load:
    """While entered, one client for each of `PRIMES` posts to one replica and reads at another, again and again.

    A GET finds each value that was answered 200 before it was sent, and none that was not posted or that the service
    said it has not stored. A value that got no answer, or a 503 that says unknown, may be there or not.
    """

    def __init__(self, replicas: Iterable[Replica], *, may_fail: bool = False) -> None:
        """Send to `replicas`. Unless it `may_fail`, a request that is not answered 200 fails the test."""
        self._targets: Sequence[Replica] = list(replicas)
        self._may_fail = may_fail
        self._ends = threading.Event()
        self._moved = threading.Condition()
        self._clients = [_Client(prime, self._pick, may_fail=may_fail) for prime in PRIMES]
        self._pool = ThreadPoolExecutor(len(self._clients))
        self._runs: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._runs = [self._pool.submit(self._run, client) for client in self._clients]
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._pool.shutdown()
        for run in self._runs:
            run.result()

    def send_to(self, replicas: Iterable[Replica]) -> None:
        """Send to these from now on."""
        self._targets = list(replicas)

    def go_on(self, rounds: int) -> None:
        """Return when each client has stored and read so many more values; fail as soon as one of them does."""
        wanted = [client.rounds + rounds for client in self._clients]

        def is_enough() -> bool:
            broken = any(run.done() for run in self._runs)
            return broken or all(one.rounds >= enough for one, enough in zip(self._clients, wanted, strict=True))

        with self._moved:
            assert self._moved.wait_for(is_enough, 2 * PATIENCE_S), "the clients do not get on"
        for run in self._runs:
            if run.done():
                run.result()

    def all_is_there(self, replicas: Iterable[Replica]) -> None:
        """Fail unless each of `replicas` finds all that was stored."""
        for replica in replicas:
            for client in self._clients:
                client.read(replica)

    def _pick(self) -> tuple[Replica, Replica]:
        first, *others = Random().sample(self._targets, min(2, len(self._targets)))
        return first, others[0] if others else first

    def _run(self, client: "_Client") -> None:
        try:
            while not self._ends.is_set():
                client.go_round()
                with self._moved:
                    self._moved.notify_all()
        finally:
            with self._moved:
                self._moved.notify_all()


class _Client:
    def __init__(self, prime: int, pick: Callable[[], tuple[Replica, Replica]], *, may_fail: bool) -> None:
        self._prime = prime
        self._pick = pick
        self._may_fail = may_fail
        self._values = (prime * factor for factor in count(1))
        self._stored: set[int] = set()
        self._perhaps: set[int] = set()
        self.rounds = 0
        """How many values were stored and then read elsewhere."""

    def go_round(self) -> None:
        one, other = self._pick()
        stored = self._post(one, next(self._values))
        if self._read_if_it_answers(other) and stored:
            self.rounds += 1

    def read(self, replica: Replica) -> None:
        """Read at a replica that must answer."""
        self._judge(replica.client.get(f"/values/{self._prime}"))

    def _post(self, replica: Replica, value: int) -> bool:
        answer = self._sent(replica, "POST", "/values", json.dumps([value]))
        if answer is not None and answer.status_code == 200:
            assert [found["value"] for found in answer.json()] == [value]
            self._stored.add(value)
            return True
        if answer is None or answer.headers["x-factorsvc-outcome"] == "unknown":
            self._perhaps.add(value)
        return False

    def _read_if_it_answers(self, replica: Replica) -> bool:
        answer = self._sent(replica, "GET", f"/values/{self._prime}")
        if answer is not None and answer.status_code == 200:
            self._judge(answer)
            return True
        return False

    def _judge(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        found = found_in(answer)
        assert self._stored <= found, f"missing: {sorted(self._stored - found)}"
        assert found <= self._stored | self._perhaps, f"never stored: {sorted(found - self._stored - self._perhaps)}"

    def _sent(self, replica: Replica, method: str, path: str, body: str | None = None) -> httpx.Response | None:
        """The answer, 200 or a permitted 503; None from one that was killed."""
        try:
            answer = replica.client.request(method, path, content=body, headers=JSON)
        except httpx.TransportError:
            if not replica.is_killed:
                raise
            return None
        assert answer.status_code == 200 or (self._may_fail and answer.status_code == 503), answer.text
        return answer
