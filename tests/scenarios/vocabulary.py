"""The commands of stories: each public method is a verb, its signature the grammar, its result what it prints.

Parameters are words in their order or, by keyword only, options. A `float` is a time (`6s`, `2m`), a `range` numbers
(`120`, `1..99`, `2..98/2`). In a story an underscore is a hyphen, and a name of an option has no unit.
"""

import asyncio
from collections.abc import Callable

from tests.scenarios import prose
from tests.scenarios.census import Balancer, Census
from tests.scenarios.load import Load
from tests.scenarios.world import BrokerEvent, LinkEvent, LongAnswer, RedisEvent, Reply, Shape, Sight, World

_SETTLE_S = 60.0
_LOOK_EVERY_S = 0.1
_LOOK_CLOSELY_S = 0.01


class Vocabulary:
    """The verbs, over one world."""

    def __init__(self, world: World, shape: Shape, group: asyncio.TaskGroup) -> None:
        """Tell of `world`, which has `shape`; what goes on while the story does goes on in `group`."""
        self._world = world
        self._group = group
        self._census = Census(world, shape.classes)
        self._balancer = Balancer(self._census)
        self._holdings: dict[int, frozenset[int]] = {}
        self._moves: list[str] = []
        self._long_answer: tuple[int, LongAnswer] | None = None
        self._load: tuple[Load, asyncio.Task[None]] | None = None

    # --- replicas

    async def replicas(self, count: int) -> str:
        """Set the number of replicas, as an administrator does: start new ones or stop the last; then `settle`."""
        live = self._census.live
        await asyncio.gather(*(self.stop(replica) for replica in sorted(live)[count:]))
        for replica in range(1, count + 1):
            if replica not in live and len(live) < count:
                await self.start(replica)
        return await self.settle() if live else ""

    async def start(self, replica: int) -> None:
        """Start a replica; a number of a dead one is its restart."""
        await self._world.start(replica)
        self._census.live.add(replica)

    async def stop(self, replica: int) -> None:
        """SIGTERM: have a replica drain, and wait until its process has ended."""
        self._census.away["is leaving"].add(replica)
        await self._world.stop(replica)
        self._census.gone(replica)

    async def kill(self, replica: int) -> None:
        """SIGKILL."""
        await self._world.kill(replica)
        self._census.gone(replica)

    async def pause(self, replica: int) -> None:
        """SIGSTOP."""
        await self._world.pause(replica)
        self._census.away["is paused"].add(replica)

    async def resume(self, replica: int) -> None:
        """SIGCONT."""
        await self._world.resume(replica)
        self._census.away["is paused"].discard(replica)

    async def cut(self, replica: int) -> None:
        """Cut a replica off from the broker: silence in both directions."""
        await self._world.link(replica, LinkEvent.CUT)
        self._census.away["is cut off"].add(replica)

    async def lag(self, replica: int) -> None:
        """From now on have all that a replica sends to the broker arrive 20 s later."""
        await self._world.link(replica, LinkEvent.LAG)
        self._census.away["is cut off"].add(replica)

    async def mend(self, replica: int) -> None:
        """End `cut` or `lag` for whatever is sent from now on."""
        await self._world.link(replica, LinkEvent.MENDED)
        self._census.away["is cut off"].discard(replica)

    # --- servers

    async def redis(self, event: RedisEvent) -> None:
        """Do something to Redis; see `RedisEvent`."""
        await self._world.redis(event)

    async def broker(self, event: BrokerEvent) -> None:
        """Do something to the broker; see `BrokerEvent`."""
        await self._world.broker(event)

    async def views(self) -> str:
        """Say how many databases hold a view that a replica can go on with."""
        return str(await self._world.views())

    # --- requests

    async def post(self, *numbers: range, ttl_s: int | None = None, via: int | None = None) -> str:
        """POST numbers, via one replica, or by default whichever is ready."""
        replica = await self._target(via)
        if replica is None:
            return "nobody is ready"
        return prose.of_post(await self._world.post(replica, [number for each in numbers for number in each], ttl_s))

    async def get(self, prime: int, *, via: int | None = None) -> str:
        """GET the multiples of a prime, via one replica, or by default whichever is ready."""
        replica = await self._target(via)
        if replica is None:
            return "nobody is ready"
        return prose.of_get(await self._world.get(replica, prime), prime)

    async def begin_get(self, prime: int, *, via: int) -> str:
        """GET, and take only the first of a long answer."""
        begun = await self._world.begin_get(via, prime)
        if isinstance(begun, Reply):
            return prose.of_get(begun, prime)
        self._long_answer = prime, begun
        return "200 and more to come"

    async def end_get(self) -> str:
        """Take the rest of the long answer."""
        if self._long_answer is None:
            return "no long answer was begun"
        prime, answer = self._long_answer
        return prose.of_get(await answer.rest(), prime)

    async def begin_load(self) -> None:
        """Begin to post and get all the time, one request after the other, via whichever replica is ready."""
        load = Load(self._world, self._balancer.next)
        self._load = load, self._group.create_task(load.run())

    async def end_load(self, *, tolerate: int | None = None) -> list[str]:
        """End the load and say whether all was right; failed requests do not count if 503 is tolerated."""
        if self._load is None:
            return ["there was no load"]
        load, running = self._load
        load.stop()
        await running
        return load.account(tolerated=tolerate is not None)

    # --- time

    async def tick(self, time_s: float) -> None:
        """Let time pass."""
        await self._world.tick(time_s)

    async def settle(self) -> str:
        """Wait until all who are present serve, evenly, or stand by; print who serves how many classes."""
        sights = await self._wait_until(self._census.is_settled, _LOOK_EVERY_S)
        if sights is None:
            return "\n".join(["not settled:", *await self.status()])
        holdings = self._census.holdings(sights)
        self._moves, self._holdings = prose.moves(self._holdings, holdings), holdings
        return self._census.summary(sights)

    async def moves(self) -> list[str]:
        """Say who has given and taken how many classes, between the last two times that all was settled."""
        return self._moves

    async def until_retiring(self, replica: int) -> str:
        """Wait until a replica is in the middle of handing some of its classes over."""

        def is_retiring(sights: dict[int, Sight]) -> bool:
            mine = [each for each in sights[replica].statuses if each.slot == sights[replica].slot]
            return any(status.retiring for status in mine)

        return "" if await self._wait_until(is_retiring, _LOOK_CLOSELY_S) else f"{replica} hands nothing over"

    async def status(self) -> list[str]:
        """Say of each replica whether it is ready, and who holds the slot of another."""
        sights = await self._census.look()
        said = [
            f"{replica} {self._census.state(replica, sights.get(replica))}" for replica in sorted(self._census.live)
        ]
        slots = [sight.slot for sight in sights.values() if sight.ready]
        return [*said, "two hold one slot"] if len(slots) > len(set(slots)) else said

    async def values(self) -> str:
        """Say how many values the databases hold, expired ones that are not yet removed included."""
        sights = await self._census.look()
        statuses = next((sight.statuses for sight in sights.values() if sight.ready), ())
        return str(sum(status.values for status in statuses))

    async def _target(self, via: int | None) -> int | None:
        if via is not None:
            return via
        await self._balancer.check()
        return await self._balancer.next()

    async def _wait_until(
        self, holds: Callable[[dict[int, Sight]], bool], look_every_s: float
    ) -> dict[int, Sight] | None:
        """Look until it `holds`, and return what was seen then; None: it took too long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SETTLE_S
        while loop.time() < deadline:
            sights = await self._census.look()
            if holds(sights):
                return sights
            await self._world.tick(look_every_s)
        return None
