"""Whole replicas on servers in memory, and a claim to begin a tenure with."""

import asyncio
from collections.abc import Callable

import pytest

from factorsvc.application.policy import Policy
from factorsvc.application.replica import Replica
from factorsvc.application.service import Service
from factorsvc.application.signal import Signal
from factorsvc.application.tenure import Tenure
from factorsvc.domain.errors import FactorsvcError
from tests.unit.application.building import CLASSES, Process, Servers, now_s, running
from tests.unit.application.faulty_ports import FaultyClaim, FaultyJournal

SHORT = Policy(classes=CLASSES, drain_delay_s=1, drain_deadline_s=10)


async def until(condition: Callable[[], object], within_s: float = 10) -> None:
    """Wait until `condition` holds."""
    end = now_s() + within_s
    while not condition():
        assert now_s() < end, "it never does"
        await asyncio.sleep(0.001)


def group_of(error: type[FactorsvcError]) -> "pytest.RaisesExc[ExceptionGroup[Exception]]":
    """Expect a group that contains `error`."""
    return pytest.raises(ExceptionGroup, check=lambda group: group.subgroup(error) is not None)


class StopTaking:
    """What a server does when it is to take no more requests; the test says when it is through."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        """Wait until all requests are answered."""
        self.asked.set()
        await self.done.wait()


async def stop_at_once() -> None:
    """Stop a server that nobody asks anything."""


class Reigning:
    """One tenure of a process that has claimed a slot, running."""

    def __init__(self, process: Process, claim: FaultyClaim) -> None:
        self.process = process
        self.claim = claim
        self.changed = Signal()
        self.tenure = Tenure(claim, process.around, self.changed)
        self.life = running(self.tenure.run())

    @property
    def journal(self) -> FaultyJournal:
        return self.process.bus.parts.journal

    @property
    def service(self) -> Service:
        """What serves, which it must by now."""
        assert self.tenure.service is not None
        return self.tenure.service

    @property
    def is_ready(self) -> bool:
        return self.tenure.reason_not_ready() == ""

    @property
    def serves(self) -> frozenset[int]:
        """The classes that are answered for."""
        return self.service.work.custody.answering


async def a_tenure(servers: Servers, lease_ttl_s: float = 10.0) -> Reigning:
    """A tenure that has just begun."""
    process = servers.process(lease_ttl_s)
    claim = await process.slots.claim()
    assert claim is not None
    return Reigning(process, claim)


async def a_ready_tenure(servers: Servers, lease_ttl_s: float = 10.0) -> Reigning:
    """A tenure that takes requests."""
    reigning = await a_tenure(servers, lease_ttl_s)
    await until(lambda: reigning.is_ready)
    return reigning


class Living:
    """A replica, alive."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.replica = Replica(process.slots, process.around)
        self.life = running(self.replica.run())

    @property
    def is_ready(self) -> bool:
        return self.replica.readiness().ready

    @property
    def reason(self) -> str:
        """Why it is not ready."""
        return self.replica.readiness().reason

    async def found(self, prime: int) -> bytes:
        """The members that a GET gives."""
        return b"\n".join((await self.replica.find(prime)).pages)

    @property
    def claim(self) -> FaultyClaim:
        """The latest claim."""
        return self.process.slots.claims[-1]


async def a_ready_replica(servers: Servers, lease_ttl_s: float = 10.0) -> Living:
    """A replica that takes requests."""
    living = Living(servers.process(lease_ttl_s))
    await until(lambda: living.is_ready)
    return living
