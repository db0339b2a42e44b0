"""What a membership in memory does that only it can show: frozen, orphaned, forgotten, crossed by its own leaving."""

import asyncio
from contextvars import ContextVar

import pytest

from factorsvc.adapters.memory.coordinator import GroupTiming
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.placement import Member, place
from factorsvc.domain.ports.placement import Assignment, PlacementGroup
from tests.builders import a_member
from tests.simulation.loop import SimulationLoop
from tests.simulation.run import run
from tests.unit.adapters.sabotage import CLASSES, Replica, a_cluster


async def follow(group: PlacementGroup, heard: list[Assignment]) -> None:
    while True:
        heard.append(await group.changed(heard[-1] if heard else None))


def test_a_frozen_replica_is_put_out_and_finds_out() -> None:
    """P2, P7: frozen for longer than a session it is no member; awake, it is asked for its state of today first."""

    async def main(loop: SimulationLoop) -> None:
        frozen, other = Replica(cluster := a_cluster(loop)), Replica(cluster)
        node, asked = loop.node("frozen"), list[float]()
        seen: dict[str, list[Assignment]] = {"frozen": [], "other": []}

        def member() -> Member:
            asked.append(loop.time())
            return a_member(0)

        async def live() -> None:
            await frozen.bus.placement.join(member)
            await follow(frozen.bus.placement, seen["frozen"])

        node.start(live())
        await other.bus.placement.join(lambda: a_member(1))
        loop.node("other").start(follow(other.bus.placement, seen["other"]))
        both = place([a_member(0), a_member(1)], CLASSES)
        await asyncio.sleep(2)
        assert seen["frozen"][-1] == seen["other"][-1] == (seen["other"][-1].generation, both)

        node.pause()
        await asyncio.sleep(GroupTiming().session_timeout_s - 0.5)
        assert seen["other"][-1].placement == both
        await asyncio.sleep(2)
        assert seen["other"][-1].placement == place([a_member(1)], CLASSES)
        assert seen["frozen"][-1].placement == both

        node.resume()
        woken = loop.time()
        await asyncio.sleep(2)
        assert max(asked) >= woken
        assert seen["frozen"][-1] == seen["other"][-1]
        assert seen["frozen"][-1].placement == both

    run(main, seed=1)


def test_a_member_is_alive_as_long_as_somebody_follows() -> None:
    """Nothing of a bus runs by itself: a replica whose task for the placement has died is out, as it should be."""

    async def main(loop: SimulationLoop) -> None:
        idle, other = Replica(cluster := a_cluster(loop)), Replica(cluster)
        await idle.bus.placement.join(lambda: a_member(0))
        await other.bus.placement.join(lambda: a_member(1))

        assert (await other.bus.placement.changed(None)).placement == place([a_member(1)], CLASSES)

    run(main, seed=1)


asked_in: ContextVar[str] = ContextVar("asked_in", default="elsewhere")


def test_a_member_is_asked_in_its_own_context() -> None:
    """What a view holds is for its own process to say, whoever caused the rebalance."""

    async def main(loop: SimulationLoop) -> None:
        contexts: list[str] = []

        def member() -> Member:
            contexts.append(asked_in.get())
            return a_member(0)

        async def live() -> None:
            asked_in.set("its own")
            await replica.bus.placement.join(member)
            await follow(replica.bus.placement, [])

        replica, other = Replica(cluster := a_cluster(loop)), Replica(cluster)
        loop.node("replica").start(live())
        await asyncio.sleep(1)
        await other.bus.placement.join(lambda: a_member(1))
        await asyncio.sleep(1)

        assert contexts == ["its own"] * len(contexts)
        assert len(contexts) > 1

    run(main, seed=1)


@pytest.mark.parametrize("seed", range(20))
def test_leaving_while_a_join_is_under_way(seed: int) -> None:
    """However the two cross, who has left is no member: its classes are for others (P7)."""

    async def main(loop: SimulationLoop) -> None:
        replica, asked = Replica(cluster := a_cluster(loop)), asyncio.Event()

        def member() -> Member:
            asked.set()
            return a_member(0)

        loop.node("following").start(follow(replica.bus.placement, []))
        async with asyncio.TaskGroup() as group:
            group.create_task(replica.bus.placement.join(member))
            await asked.wait()
            await replica.bus.placement.leave()
        await asyncio.sleep(1)

        assert cluster.coordinator.members == []

    run(main, seed=seed)


def test_an_orphaned_membership_ends_with_its_session() -> None:
    """A join whose answer is lost leaves a member that nobody speaks for; it holds up one rebalance at most."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        replica.group.breaks_at = 1

        with pytest.raises(JournalUnavailableError):
            await replica.bus.placement.join(lambda: a_member(0))
        replica.group.held[0]()
        await replica.bus.placement.join(lambda: a_member(0))

        assert (await replica.bus.placement.changed(None)).placement == place([a_member(0)], CLASSES)
        assert len(cluster.coordinator.members) == 1

    run(main, seed=1)


def test_a_coordinator_that_forgot_everybody_is_joined_again() -> None:
    """Everybody finds out at the next heartbeat, and the classes stay where they are held."""

    async def main(loop: SimulationLoop) -> None:
        replica, heard = Replica(cluster := a_cluster(loop)), list[Assignment]()
        await replica.bus.placement.join(lambda: a_member(0))
        loop.node("replica").start(follow(replica.bus.placement, heard))
        await asyncio.sleep(1)

        cluster.coordinator.restart(forgets=True)
        await asyncio.sleep(1)

        assert [member.slot for member in cluster.coordinator.members] == [0]
        assert heard[-1].placement == place([a_member(0)], CLASSES)

    run(main, seed=1)


def test_a_broker_that_was_away_for_long_moves_nothing() -> None:
    """Nobody could be heard meanwhile, so nobody is out: no rebalance, as measured of Kafka 4.1."""

    async def main(loop: SimulationLoop) -> None:
        replica, heard = Replica(cluster := a_cluster(loop)), list[Assignment]()
        await replica.bus.placement.join(lambda: a_member(0))
        loop.node("replica").start(follow(replica.bus.placement, heard))
        await asyncio.sleep(1)

        cluster.stop()
        await asyncio.sleep(60)
        cluster.start()
        await asyncio.sleep(10)

        assert [assignment.generation for assignment in heard] == [1]

    run(main, seed=1)


def test_a_member_that_is_not_sure_says_so() -> None:
    """It withdraws when it is asked, instead of having everybody wait for it."""

    async def main(loop: SimulationLoop) -> None:
        doubtful, other = Replica(cluster := a_cluster(loop)), Replica(cluster)
        says: list[Member | None] = [a_member(0)]
        await doubtful.bus.placement.join(lambda: says[-1])
        loop.node("doubtful").start(follow(doubtful.bus.placement, []))
        says.append(None)
        joined = loop.time()

        await other.bus.placement.join(lambda: a_member(1))

        assert (await other.bus.placement.changed(None)).placement == place([a_member(1)], CLASSES)
        assert loop.time() - joined < GroupTiming().rebalance_timeout_s

    run(main, seed=1)
