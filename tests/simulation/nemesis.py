"""Whatever can go wrong with a simulated cluster, one thing after the other or together, chosen by the seed.

Each fault is a method; it begins something that ends by itself after a while, so that faults overlap.
"""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random

from factorsvc.adapters.memory.faulty_link import Weather
from tests.simulation.clients import Clients
from tests.simulation.cluster import SimulatedCluster

_MOST = 6
"""Replicas at most; enough for every kind of handover, and few enough for many seeds."""


class Nemesis:
    """Plagues one cluster until it is told to heal it."""

    def __init__(self, cluster: SimulatedCluster, clients: Clients, seed: int) -> None:
        """Plague `cluster`, noting each fault in the clients' history."""
        self._cluster = cluster
        self._clients = clients
        self._random = Random(f"nemesis {seed}")
        self._names = 0
        self._ending: list[Callable[[], None]] = []

    def more(self) -> None:
        """Start one more replica."""
        self._names += 1
        self._note(f"start r{self._names}")
        self._cluster.start(f"r{self._names}", page_members=self._random.choice([3, 5_000]))

    async def run(self, until: float) -> None:
        """Cause a fault every few seconds until virtual second `until`, then heal everything."""
        faults: list[Callable[[], Coroutine[None, None, None]]] = [
            self.kill,
            self.kill_and_restart,
            self.freeze,
            self.freeze_long,
            self.leave,
            self.join,
            self.wipe,
            self.restart_redis,
            self.silence_redis,
            self.fill_redis,
            self.stop_broker,
            self.forget_group,
            self.compact,
            self.compact,
            self.storm,
            self.lapse_lease,
        ]
        loop = self._cluster.loop
        async with asyncio.TaskGroup() as group:
            while loop.time() < until:
                await asyncio.sleep(self._random.expovariate(1 / 3))
                group.create_task(self._random.choice(faults)())
        self.heal()

    def heal(self) -> None:
        """End what has not ended by itself: everybody runs, every server serves, the network is good."""
        self._note("heal")
        for each in self._cluster.replicas.values():
            each.node.resume()
        self._cluster.redis.down = self._cluster.redis.full = False
        self._set_weather(Weather(request_s=(0.0002, 0.002), answer_s=(0.0002, 0.002)))
        if not self._cluster.replicas:
            self.more()

    async def kill(self) -> None:
        """`kill -9` of one replica, for good."""
        if len(self._cluster.replicas) > 1:
            self._cluster.kill(self._note(self._victim(), "kill"))

    async def kill_and_restart(self) -> None:
        """`kill -9`, and the same again a moment later."""
        if self._cluster.replicas:
            name = self._note(self._victim(), "kill, restart")
            self._cluster.kill(name)
            await asyncio.sleep(self._random.choice([0.0, 0.5, 5.0]))
            if name not in self._cluster.replicas:
                self._cluster.start(name)

    async def freeze(self) -> None:
        """SIGSTOP for about as long as a session or a lease."""
        await self._freeze(self._random.uniform(0.1, 6))

    async def freeze_long(self) -> None:
        """SIGSTOP for longer than every lease, session and deadline."""
        await self._freeze(self._random.uniform(15, 60))

    async def _freeze(self, for_s: float) -> None:
        running = [name for name, each in self._cluster.replicas.items() if each.node.state == "running"]
        if running:
            frozen = self._cluster.replicas[self._note(self._random.choice(running), f"freeze {for_s:.1f} s")]
            frozen.node.pause()
            await asyncio.sleep(for_s)
            self._note(f"thaw {frozen.name}")
            frozen.node.resume()

    async def leave(self) -> None:
        """SIGTERM: a replica drains and ends."""
        running = [name for name, each in self._cluster.replicas.items() if each.node.state == "running"]
        if len(running) > 1:
            await leave(self._cluster, self._clients, self._note(self._random.choice(running), "leave"))

    async def join(self) -> None:
        """One replica more."""
        if len(self._cluster.replicas) < _MOST:
            self.more()

    async def wipe(self) -> None:
        """FLUSHALL."""
        self._note("wipe")
        self._cluster.redis.wipe()

    async def restart_redis(self) -> None:
        """Redis stops and starts, perhaps without its last second."""
        lose = self._random.random() < 0.5
        self._note(f"restart redis, lose={lose}")
        if lose:
            self._cluster.redis.save()
            await asyncio.sleep(1)
        self._cluster.redis.restart(lose_unsaved=lose)

    async def silence_redis(self) -> None:
        """Redis refuses everything for a while."""
        self._note("redis down")
        self._cluster.redis.down = True
        await asyncio.sleep(self._random.uniform(0.5, 12))
        self._note("redis up")
        self._cluster.redis.down = False

    async def fill_redis(self) -> None:
        """Redis takes no more writes for a while."""
        self._note("redis full")
        self._cluster.redis.full = True
        await asyncio.sleep(self._random.uniform(1, 10))
        self._note("redis has room")
        self._cluster.redis.full = False

    async def stop_broker(self) -> None:
        """The broker is away for a while."""
        self._note("broker down")
        self._cluster.broker.stop()
        await asyncio.sleep(self._random.uniform(0.5, 12))
        self._note("broker up")
        self._cluster.broker.start()

    async def forget_group(self) -> None:
        """The coordinator is restarted."""
        self._note("coordinator restart")
        self._cluster.broker.coordinator.restart(forgets=True)

    async def compact(self) -> None:
        """Compaction of some of each class, and dropping of the tombstones that are old enough."""
        self._note("compact")
        journal = self._cluster.broker.journal
        if journal.settings is None:
            return  # nobody has made it yet
        for class_id, end in journal.ends().items():
            below = self._random.randint(0, end)
            journal.compact(class_id, below, self._random.randint(below, end))
            journal.drop_tombstones(class_id)

    async def storm(self) -> None:
        """The network is slow and loses calls, answers, or delivers late."""
        self._note("storm")
        self._set_weather(
            Weather(request_s=(0.001, 0.3), answer_s=(0.001, 0.3), request_lost=0.03, late=0.03, answer_lost=0.03)
        )
        await asyncio.sleep(self._random.uniform(1, 10))
        self._note("calm")
        self._set_weather(Weather(request_s=(0.0002, 0.002), answer_s=(0.0002, 0.002)))

    async def lapse_lease(self) -> None:
        """Some lease is gone from one moment to the next."""
        slot = self._random.randrange(16)
        self._note(f"lapse lease {slot}")
        self._cluster.redis.lapse(slot)

    def _victim(self) -> str:
        return self._random.choice(list(self._cluster.replicas))

    def _note(self, subject: str, what: str = "") -> str:
        self._clients.history.note(f"{what} {subject}".strip(), at_s=self._cluster.loop.time())
        return subject

    def _set_weather(self, weather: Weather) -> None:
        for field in Weather.__dataclass_fields__:
            setattr(self._cluster.weather, field, getattr(weather, field))


async def leave(cluster: SimulatedCluster, clients: Clients, name: str) -> None:
    """Drain replica `name` as SIGTERM does, until its process has ended."""
    leaving = cluster.replicas[name]

    async def stop_taking() -> None:
        await clients.none_under_way(name)

    await asyncio.wait([leaving.node.run(leaving.replica.drain(stop_taking)), leaving.life], timeout=60)
    clients.refuse.discard(name)
    if cluster.replicas.get(name) is leaving:
        cluster.kill(name)
