"""The worlds of stories in one thread, whose replicas are nodes: all of them but what is done to Redis."""

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import TypeVar

from factorsvc.adapters.memory.faulty_link import Weather
from factorsvc.application.policy import Policy
from factorsvc.application.signal import Signal
from factorsvc.domain.errors import FactorsvcError
from factorsvc.domain.value import FactoredValue
from factorsvc.entrypoints.http.problems import KINDS, outcome_of
from tests.scenarios.world import BrokerEvent, LinkEvent, LongAnswer, Reply, Shape, Sight, World
from tests.simulation.node import BrokenOffError
from tests.simulation.node_cluster import NodeCluster, NodeReplica

T = TypeVar("T")

_PATIENCE_S = 12.0
"""A client gives up when nothing comes for so long."""
_DELAY_S = (0.0002, 0.002)
"""Of everything that is sent, in either direction."""
_LAG_S = (20.0, 20.0)


class NodeWorld(World):
    """A `NodeCluster`, and the clients who use it."""

    def __init__(self, name: str = "") -> None:
        """Begin. With `name` begin the names of all nodes, since those of one loop have different ones."""
        self._name = name
        self._shape = Shape()
        self._weather: dict[int, Weather] = {}
        self._closed: set[int] = set()
        self._under_way: Counter[int] = Counter()
        self._answered = Signal()

    @abstractmethod
    async def _make(self, policy: Policy) -> NodeCluster:
        """Make the servers, and return when Redis has been up for longer than a lease."""

    async def found(self, shape: Shape) -> None:
        self._shape = shape
        policy = Policy(
            classes=shape.classes,
            transaction_values=shape.transaction_values,
            bury_after_s=shape.bury_after_s,
            verify_interval_s=5,
            drain_delay_s=1,
        )
        self._cluster = await self._make(policy)
        self._cluster.broker.journal.retention_ms = round(shape.retention_s * 1000)

    async def start(self, replica: int) -> None:
        self._closed.discard(replica)
        cluster, calm = self._cluster, self._cluster.weather
        # The links to the broker are made at once, those to Redis later: only the former have a weather of their own.
        self._weather[replica] = cluster.weather = Weather(request_s=_DELAY_S, answer_s=_DELAY_S)
        cluster.start(self._name_of(replica), self._shape.page_members)
        cluster.weather = calm

    async def stop(self, replica: int) -> None:
        stopped = self._replica(replica)

        async def no_more_requests() -> None:
            self._closed.add(replica)
            while self._under_way[replica]:
                await self._answered.wait()

        async def drained() -> None:
            await stopped.replica.drain(no_more_requests)
            await stopped.life

        await stopped.node.call(drained())
        self._cluster.kill(self._name_of(replica))

    async def kill(self, replica: int) -> None:
        self._cluster.kill(self._name_of(replica))

    async def pause(self, replica: int) -> None:
        self._replica(replica).node.pause()

    async def resume(self, replica: int) -> None:
        self._replica(replica).node.resume()

    async def link(self, replica: int, event: LinkEvent) -> None:
        weather = self._weather[replica]
        weather.down = event is LinkEvent.CUT
        weather.late, weather.late_s = (1.0, _LAG_S) if event is LinkEvent.LAG else (0.0, (0.0, 0.0))

    async def broker(self, event: BrokerEvent) -> None:
        broker = self._cluster.broker
        match event:
            case BrokerEvent.DOWN:
                broker.stop()
            case BrokerEvent.UP:
                broker.start()
            case BrokerEvent.COMPACT:
                for class_id in range(self._shape.classes):
                    broker.journal.compact(class_id)
                    broker.journal.drop_tombstones(class_id)
            case BrokerEvent.DELETE_JOURNAL:
                broker.journal.delete()

    async def post(self, replica: int, numbers: Sequence[int], ttl_s: int | None) -> Reply:
        async def store() -> Reply:
            return Reply(200, await self._replica(replica).replica.store(numbers, ttl_s))

        return await self._request(replica, "POST", store())

    async def get(self, replica: int, prime: int) -> Reply:
        begun = await self.begin_get(replica, prime)
        return begun if isinstance(begun, Reply) else await begun.rest()

    async def begin_get(self, replica: int, prime: int) -> LongAnswer | Reply:
        async def find() -> LongAnswer | Reply:
            answer = await self._replica(replica).replica.find(prime)
            if answer.more is None:
                return Reply(200, _values(answer.pages))
            taken = [*answer.pages, await anext(answer.more)]
            self._under_way[replica] += 1  # until the rest is taken
            return NodeLongAnswer(self, replica, taken, answer.more)

        return await self._request(replica, "GET", find())

    async def take_rest(self, replica: int, pages: list[bytes], more: AsyncGenerator[bytes, None]) -> Reply:
        """Take the rest of a long answer, page by page; what goes wrong now can only break the connection off."""

        async def pull() -> bytes | Reply:
            return await anext(more, b"")

        self._under_way[replica] -= 1
        while (page := await self._request(replica, "GET", pull())) != b"":
            if isinstance(page, Reply):
                return Reply(None, problem="broken off")
            pages.append(page)
        return Reply(200, _values(pages))

    async def look(self, replica: int) -> Sight:
        looked_at = self._replica(replica)
        if looked_at.life.done():
            looked_at.life.result()
            raise AssertionError(f"replica {replica} has ended by itself")
        readiness = looked_at.replica.readiness()
        standing_by = readiness.reason.startswith("standing by")
        return Sight(readiness.ready, standing_by, readiness.slot, looked_at.replica.cluster())

    async def tick(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _name_of(self, replica: int) -> str:
        return f"{self._name}{replica}"

    def _replica(self, replica: int) -> NodeReplica:
        return self._cluster.replicas[self._name_of(replica)]

    async def _request(self, replica: int, method: str, work: Coroutine[None, None, T | Reply]) -> T | Reply:
        """Have a replica do `work`, and say in its place what went wrong, as HTTP would."""
        if self._name_of(replica) not in self._cluster.replicas or replica in self._closed:
            work.close()
            return Reply(None, problem="connection refused")
        self._under_way[replica] += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._replica(replica).node.call(work)
        except FactorsvcError as error:
            kind = KINDS[type(error)]
            return Reply(kind.status, problem=kind.slug, outcome=outcome_of(kind, method))
        except BrokenOffError:
            return Reply(None, problem="broken off")
        except TimeoutError:
            return Reply(None, problem="no answer")
        finally:
            self._under_way[replica] -= 1
            self._answered.fire()


class NodeLongAnswer(LongAnswer):
    """Pages in hand, and those that the replica has yet to pull."""

    def __init__(self, world: NodeWorld, replica: int, pages: list[bytes], more: AsyncGenerator[bytes, None]) -> None:
        """Begin with `pages` taken."""
        self._world = world
        self._replica = replica
        self._pages = pages
        self._more = more

    async def rest(self) -> Reply:
        return await self._world.take_rest(self._replica, self._pages, self._more)


def _values(pages: Sequence[bytes]) -> list[FactoredValue]:
    return [_value(member) for page in pages for member in page.split(b"\n")]


def _value(member: bytes) -> FactoredValue:
    value, _, factors = member.partition(b" ")
    return FactoredValue(int(value), tuple(map(int, factors.split(b","))) if factors else ())
