"""Clients of a simulated cluster: they send POSTs and GETs to whatever replica runs, and write a history."""

import asyncio
from collections.abc import Sequence
from random import Random

from factorsvc.application.answer import Answer
from factorsvc.application.replica import Replica
from factorsvc.application.signal import Signal
from factorsvc.domain.errors import FactorsvcError, OutcomeUnknownError
from factorsvc.domain.value import FactoredValue
from tests.checker.history import History, Outcome
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.node import BrokenOffError
from tests.simulation.node_cluster import NodeReplica

PRIMES = (2, 3, 5, 7, 11, 13)
PATIENCE_S = 12.0
"""A client gives up after this; longer than the deadlines of the service."""
_UNREAD_S = 1.0
"""A request that a frozen process has not begun to read for this long was cut off by its client."""


class StaleRequestError(ConnectionError):
    """The replica found the connection closed before it had read the request: nothing was done for it."""


class Clients:
    """All clients of one simulation; they share a history and, so that they collide, a small set of values."""

    def __init__(self, cluster: SimulatedCluster, seed: int, values: Sequence[int] = range(1, 40)) -> None:
        """Make clients of `cluster`, none of which runs yet."""
        self.history = History()
        self.failures: list[str] = []
        """Requests that were not answered 200, with the reason."""
        self.answered = 0
        self.refuse: set[str] = set()
        """Replicas that are sent nothing: a load balancer would not either."""
        self._cluster = cluster
        self._random = Random(f"clients {seed}")
        self._values = values
        self._under_way: dict[str, int] = {}
        self._idle = Signal()

    async def run(self, name: str, until: float, pause_s: float = 0.2) -> None:
        """Send one request after the other until virtual second `until`."""
        loop = self._cluster.loop
        while loop.time() < until:
            await asyncio.sleep(self._random.uniform(0, 2 * pause_s))
            target = self.pick()
            if target is None:
                continue
            if self._random.random() < 0.5:
                await self.get(name, target, self._random.choice(PRIMES))
            else:
                values = self._random.sample(self._values, self._random.choice([1, 1, 2, 5]))
                await self.post(name, target, values, self._random.choice([None, None, 1, 3, 10, 60]))

    def pick(self) -> NodeReplica | None:
        """A running replica, at random, as a load balancer without health checks would choose it."""
        running = [each for name, each in self._cluster.replicas.items() if name not in self.refuse]
        running = [each for each in running if each.node.state == "running"]
        return self._random.choice(running) if running else None

    async def post(self, client: str, target: NodeReplica, values: list[int], ttl_s: int | None) -> Outcome:
        """Send one POST and record it."""
        loop, policy = self._cluster.loop, self._cluster.policy
        sent = loop.time()
        deadline_s = sent + _UNREAD_S + policy.factor_timeout_s + policy.append_timeout_s
        number = self.history.post(client, values, at_s=sent, ttl_s=ttl_s, deadline_s=deadline_s)
        self._begin(target)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await target.node.call(_store(target.replica, values, ttl_s, sent))
            outcome = Outcome.STORED
            self.answered += 1
        except (OutcomeUnknownError, BrokenOffError, TimeoutError) as error:
            outcome = self._failed(Outcome.UNKNOWN, f"post {values} at {target.name}", error)
        except (FactorsvcError, StaleRequestError) as error:
            outcome = self._failed(Outcome.NOTHING_STORED, f"post {values} at {target.name}", error)
        self._end(target)
        self.history.post_answered(number, outcome, at_s=loop.time())
        return outcome

    async def get(self, client: str, target: NodeReplica, prime: int) -> list[FactoredValue] | None:
        """Send one GET and record it; None if it was not answered 200."""
        loop = self._cluster.loop
        sent = loop.time()
        number = self.history.get(client, prime, at_s=sent)
        self._begin(target)
        answer: list[FactoredValue] | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await target.node.call(_find(target.replica, prime, sent))
            self.answered += 1
        except (FactorsvcError, BrokenOffError, TimeoutError, StaleRequestError) as error:
            self._failed(Outcome.UNKNOWN, f"get {prime} at {target.name}", error)
        self._end(target)
        self.history.get_answered(number, answer, at_s=loop.time())
        return answer

    async def none_under_way(self, name: str) -> None:
        """Return when `name` is sent nothing more and has answered all it was asked, as a server does that stops."""
        self.refuse.add(name)
        while self._under_way.get(name):
            await self._idle.wait()

    def _failed(self, outcome: Outcome, what: str, error: BaseException) -> Outcome:
        self.failures.append(f"{self._cluster.loop.time():.3f} {what}: {error!r}")
        return outcome

    def _begin(self, target: NodeReplica) -> None:
        self._under_way[target.name] = self._under_way.get(target.name, 0) + 1

    def _end(self, target: NodeReplica) -> None:
        self._under_way[target.name] -= 1
        self._idle.fire()


def _check_fresh(sent: float) -> None:
    if asyncio.get_running_loop().time() > sent + _UNREAD_S:
        raise StaleRequestError


async def _store(replica: Replica, values: list[int], ttl_s: int | None, sent: float) -> None:
    _check_fresh(sent)
    await replica.store(values, ttl_s)


async def _find(replica: Replica, prime: int, sent: float) -> list[FactoredValue]:
    _check_fresh(sent)
    return await _whole(await replica.find(prime))


async def _whole(answer: Answer) -> list[FactoredValue]:
    """All values of an answer, its long part pulled to its end."""
    pages = list(answer.pages)
    if answer.more is not None:
        pages += [page async for page in answer.more]
    return [_parsed(member) for page in pages for member in page.split(b"\n")]


def _parsed(member: bytes) -> FactoredValue:
    value, _, factors = member.partition(b" ")
    return FactoredValue(int(value), tuple(map(int, factors.split(b","))) if factors else ())
