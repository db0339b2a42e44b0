"""A replica for the tests of HTTP: it does what a test tells it and remembers what it was asked."""

import asyncio
from collections.abc import Sequence

from factorsvc.application.answer import Answer
from factorsvc.domain.status import LEAVING, Readiness, Status
from factorsvc.domain.value import FactoredValue
from factorsvc.entrypoints.http.api import HttpLimits, ReplicaApi
from factorsvc.entrypoints.http.app import make_app
from factorsvc.entrypoints.http.documentation import DescribedApp

READY = Readiness(ready=True, reason="", slot=3, epoch=7, classes=21)
STANDBY = Readiness(ready=False, reason="waits for a slot", slot=None, epoch=None, classes=0)
GOING = Readiness(ready=False, reason=LEAVING, slot=3, epoch=7, classes=21)


class StubReplica(ReplicaApi):
    """Answers `answer` to each find, and fails with `failure` if there is one."""

    def __init__(self) -> None:
        self.stored: list[tuple[list[int], int | None]] = []
        self.found: list[int] = []
        self.failure: Exception | None = None
        self.answer = Answer(())
        self.state = READY
        self.statuses: list[Status] = []
        self.held: asyncio.Event | None = None
        """If there is one, use cases wait for it."""
        self.entered = asyncio.Semaphore(0)
        """Released when a use case is entered."""
        self.asked_for_changes = asyncio.Semaphore(0)
        """Released when somebody begins to wait for a change."""
        self._change = asyncio.Event()

    async def store(self, numbers: Sequence[int], ttl_s: int | None) -> list[FactoredValue]:
        self.stored.append((list(numbers), ttl_s))
        await self._act()
        return [FactoredValue(number, factors_of(number)) for number in numbers]

    async def find(self, prime: int) -> Answer:
        self.found.append(prime)
        await self._act()
        return self.answer

    def readiness(self) -> Readiness:
        return self.state

    def cluster(self) -> Sequence[Status]:
        return self.statuses

    async def changed(self) -> None:
        self.asked_for_changes.release()
        await self._change.wait()

    def change(self, *, state: Readiness | None = None, statuses: Sequence[Status] | None = None) -> None:
        """Change what the replica says, and wake who waits for that."""
        self.state = self.state if state is None else state
        self.statuses = self.statuses if statuses is None else list(statuses)
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def _act(self) -> None:
        self.entered.release()
        if self.held is not None:
            await self.held.wait()
        if self.failure is not None:
            raise self.failure


def factors_of(number: int) -> tuple[int, ...]:
    """The prime factors of a small number; a large one passes for a prime here."""
    factors = []
    divisor = 2
    while divisor * divisor <= number < 10**6:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return tuple(factors) + ((number,) if number > 1 else ())


def an_app(replica: ReplicaApi | None = None, limits: HttpLimits | None = None) -> DescribedApp:
    """The application on `replica`."""
    app = make_app(replica or StubReplica(), limits or HttpLimits(), lambda: b"stub_metric 1\n")
    assert isinstance(app, DescribedApp)
    return app
