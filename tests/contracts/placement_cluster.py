"""What the contract of the placement asks of a binding, and replicas that follow it as the application does."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from factorsvc.domain.placement import Member, place
from factorsvc.domain.ports.placement import Assignment, PlacementGroup
from tests.contracts.server import TroubledServer, until, within

CLASSES = 7


class GroupServer(TroubledServer):
    """A server with an empty group that places `CLASSES` classes. A session is over after a few seconds at most."""

    @abstractmethod
    def client(self) -> PlacementGroup:
        """Return the access of one more replica."""

    @abstractmethod
    async def members(self) -> list[Member]:
        """Return whom the group counts as its members."""

    @abstractmethod
    async def isolate(self, client: PlacementGroup) -> None:
        """From now on the requests of this client are lost."""

    @abstractmethod
    async def reconnect(self, client: PlacementGroup) -> None:
        """End the isolation of this client."""


@dataclass(slots=True)
class Replica:
    """A member of the group, as the application is one."""

    group: PlacementGroup
    says: Member | None
    """What it answers when it is asked; None: its lease is not sure."""
    asked: int = 0
    heard: list[Assignment] = field(default_factory=list)

    def member(self) -> Member | None:
        self.asked += 1
        return self.says

    async def join(self) -> None:
        await within(self.group.join(self.member))

    async def follow(self) -> None:
        while True:
            self.heard.append(await self.group.changed(self.heard[-1] if self.heard else None))


@dataclass(slots=True)
class Cluster:
    """Replicas, each in a task that follows the placement until the test is over."""

    server: GroupServer
    tasks: asyncio.TaskGroup
    following: list[asyncio.Task[None]] = field(default_factory=list)

    def replica(self, says: Member | None) -> Replica:
        """One that has not joined, and follows all the same."""
        replica = Replica(self.server.client(), says)
        self.following.append(self.tasks.create_task(replica.follow()))
        return replica

    async def joined(self, says: Member) -> Replica:
        """One that has joined."""
        replica = self.replica(says)
        await replica.join()
        return replica


@asynccontextmanager
async def cluster_on(server: GroupServer) -> AsyncIterator[Cluster]:
    """Replicas on `server`, none at first."""
    async with asyncio.TaskGroup() as tasks:
        cluster = Cluster(server, tasks)
        yield cluster
        for task in cluster.following:
            task.cancel()


async def agreed(*replicas: Replica, on: list[Member]) -> Assignment:
    """Return what `replicas` heard last, once that is the placement of `on`, and the same for all."""

    async def is_so() -> bool:
        last = [replica.heard[-1] for replica in replicas if replica.heard]
        return [heard.placement for heard in last] == [place(on, CLASSES)] * len(replicas) and len(
            {heard.generation for heard in last}
        ) == 1

    await until(is_so)
    return replicas[0].heard[-1]


async def until_asked_again(replica: Replica, before: int) -> None:
    """Return when `replica` has been asked more than `before` times."""

    async def is_so() -> bool:
        return replica.asked > before

    await until(is_so)
