"""What a real group of Kafka's does that the contract of placement does not say."""

import logging
from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.kafka.assignor import PROTOCOL, member_bytes
from factorsvc.adapters.kafka.group_rules import GroupTiming
from tests.builders import a_member
from tests.contracts.kafka_talk_servers import SHORT, KafkaGroupServer
from tests.contracts.placement_cluster import Replica, agreed, cluster_on
from tests.contracts.server import until, within
from tests.servers.kafka_broker import KafkaBroker

UNTIL_LONG_AFTER = GroupTiming(session_timeout_s=40.0, heartbeat_s=0.1, rebalance_timeout_s=40.0)
"""Whoever waits for one of these to be over waits longer than a test does."""


@pytest.fixture
async def server(kafka_broker: KafkaBroker) -> AsyncIterator[KafkaGroupServer]:
    server = KafkaGroupServer(kafka_broker)
    await server.open()
    yield server
    await server.close()


async def test_a_successor_waits_for_nothing_to_run_out(server: KafkaGroupServer) -> None:
    """It puts its predecessor out itself: neither a session nor a rebalance has to end first, and nobody else moves."""
    async with cluster_on(server) as cluster:
        killed, other, successor = [
            Replica(server.client(UNTIL_LONG_AFTER), member)
            for member in (a_member(3, epoch=1), a_member(4), a_member(3, epoch=2))
        ]
        cluster.following += [cluster.tasks.create_task(each.follow()) for each in (killed, other, successor)]
        await killed.join()
        await other.join()
        await agreed(killed, other, on=[a_member(3), a_member(4)])
        await server.isolate(killed.group)

        await successor.join()

        await agreed(successor, other, on=[a_member(3, epoch=2), a_member(4)])


async def test_a_successor_puts_nobody_else_out(server: KafkaGroupServer) -> None:
    """Not the same slot's later claim, nor another slot whose claim is older."""
    async with cluster_on(server) as cluster:
        later = await cluster.joined(a_member(3, epoch=9))
        older = await cluster.joined(a_member(13, epoch=1))

        zombie = await cluster.joined(a_member(3, epoch=2))

        await agreed(later, older, zombie, on=[a_member(3, epoch=9), a_member(13, epoch=1)])
        assert sorted((member.slot, member.epoch) for member in await server.members()) == [(3, 2), (3, 9), (13, 1)]


async def test_a_zombie_in_the_group_gets_nothing(server: KafkaGroupServer) -> None:
    """It holds classes and says so, but another claim of its slot is later: that one keeps its own (design 8)."""
    async with cluster_on(server) as cluster:
        living = [a_member(3, epoch=2, serving=[0, 1]), a_member(4, serving=[2, 3])]
        holder, other = [await cluster.joined(member) for member in living]
        before = await agreed(holder, other, on=living)

        zombie = await cluster.joined(a_member(3, epoch=1, serving=[4, 5, 6]))

        after = await agreed(holder, other, zombie, on=living)
        assert after.generation > before.generation


async def test_who_does_not_wait_for_a_change_is_out(server: KafkaGroupServer) -> None:
    """Nothing in the background keeps a membership up whose replica has stopped to follow (design 8)."""
    async with cluster_on(server) as cluster:
        idle = await cluster.joined(a_member(0))
        other = await cluster.joined(a_member(1))
        await agreed(idle, other, on=[a_member(0), a_member(1)])

        cluster.following[0].cancel()

        await agreed(other, on=[a_member(1)])
        assert [member.slot for member in await server.members()] == [1]


async def test_sessions_are_as_short_as_the_brokers_permit(
    server: KafkaGroupServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused they get longer, and whoever reads the log knows that healing takes longer too."""
    timing = GroupTiming(session_timeout_s=0.6, heartbeat_s=0.1, rebalance_timeout_s=1.0)
    replica = Replica(server.client(timing), a_member(5))

    with caplog.at_level(logging.WARNING, "factorsvc.kafka"):
        await replica.join()

    assert [record.msg for record in caplog.records] == ["session_refused"]
    assert vars(caplog.records[0])["session_timeout_s"] == 1.2
    assert await within(replica.group.changed(None))


async def test_who_cannot_be_understood_is_no_trouble(server: KafkaGroupServer) -> None:
    """A member of another make gets nothing, and the others are dealt everything."""
    stranger = server.stranger("of another make")
    async with cluster_on(server) as cluster:
        replica = await cluster.joined(a_member(0))
        await agreed(replica, on=[a_member(0)])
        first = replica.heard[-1].generation
        try:
            assert await within(stranger.join(PROTOCOL, b"\xff", SHORT.session_timeout_s)) is None

            await agreed(replica, on=[a_member(0)])

            async def is_dealt_anew() -> bool:
                return replica.heard[-1].generation > first

            await until(is_dealt_anew)
            await agreed(replica, on=[a_member(0)])
        finally:
            stranger.close()


async def test_a_leader_that_deals_nothing_is_replaced(server: KafkaGroupServer) -> None:
    """Killed between joining and dealing it holds the others up for a session, not for ever."""
    leader = server.stranger("slot-9.1")
    async with cluster_on(server) as cluster:
        try:
            assert await within(leader.join(PROTOCOL, member_bytes(a_member(9)), SHORT.session_timeout_s)) is not None

            replica = await cluster.joined(a_member(0))

            await agreed(replica, on=[a_member(0)])
        finally:
            leader.close()
