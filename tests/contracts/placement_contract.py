"""What every `PlacementGroup` promises, whatever is behind it. A binding gives the fixture `server`."""

import asyncio

import pytest

from factorsvc.domain.errors import JournalUnavailableError
from tests.builders import a_member
from tests.contracts.placement_cluster import (
    GroupServer,
    Replica,
    agreed,
    cluster_on,
    until_asked_again,
)
from tests.contracts.server import under_way, within


class PlacementContract:
    """The promises of `PlacementGroup`."""

    # --- join and changed

    async def test_alone_it_is_to_hold_everything(self, server: GroupServer) -> None:
        """A group of one places every class on that one."""
        async with cluster_on(server) as cluster:
            replica = await cluster.joined(a_member(5))

            await agreed(replica, on=[a_member(5)])

    async def test_all_members_see_the_same(self, server: GroupServer) -> None:
        """Everybody is told the placement of everybody, by the one rule, in one generation."""
        async with cluster_on(server) as cluster:
            members = [a_member(slot, epoch=10 + slot) for slot in (4, 0, 9)]
            replicas = [await cluster.joined(member) for member in members]

            await agreed(*replicas, on=members)

    async def test_join_returns_when_the_group_knows_the_member(self, server: GroupServer) -> None:
        """Who has joined is counted, before it has heard of an assignment."""
        replica = Replica(server.client(), a_member(5))

        await replica.join()

        assert [(member.slot, member.epoch) for member in await server.members()] == [(5, 1)]

    async def test_members_are_asked_at_each_rebalance(self, server: GroupServer) -> None:
        """What a view holds now decides, not what it held when its replica joined (design 8)."""
        async with cluster_on(server) as cluster:
            first = await cluster.joined(a_member(0))
            await agreed(first, on=[a_member(0)])
            asked, first.says = first.asked, a_member(0, serving=[6, 5, 4], retiring=[0])

            second = await cluster.joined(a_member(1, serving=[1]))

            await agreed(first, second, on=[first.says, a_member(1, serving=[1])])
            assert first.asked > asked

    async def test_changed_returns_the_latest_that_is_another(self, server: GroupServer) -> None:
        """It returns at once if there is another assignment than that known, and else waits for the next."""
        async with cluster_on(server) as cluster, asyncio.TaskGroup() as group:
            replica = await cluster.joined(a_member(0))
            old = await agreed(replica, on=[a_member(0)])
            second = await cluster.joined(a_member(1))
            new = await agreed(replica, second, on=[a_member(0), a_member(1)])
            for task in cluster.following[:1]:
                task.cancel()

            assert await within(replica.group.changed(old)) == new
            assert await within(replica.group.changed(None)) == new
            waiting = await under_way(group, replica.group.changed(new))
            await cluster.joined(a_member(2))
            assert (await waiting).generation > new.generation

    # --- the lease

    async def test_lease_not_sure_when_joining(self, server: GroupServer) -> None:
        """A replica whose lease is not sure is no member; `join` returns when it is sure."""
        async with cluster_on(server) as cluster:
            replica = cluster.replica(says=None)
            async with asyncio.TaskGroup() as group:
                joining = group.create_task(replica.join())
                await until_asked_again(replica, 1)
                assert not joining.done()
                assert await server.members() == []
                replica.says = a_member(2)

            await agreed(replica, on=[a_member(2)])

    async def test_lease_not_sure_at_a_rebalance(self, server: GroupServer) -> None:
        """Asked at a rebalance while its lease is not sure it is out, until it is sure again."""
        async with cluster_on(server) as cluster:
            doubtful = await cluster.joined(a_member(0))
            await agreed(doubtful, on=[a_member(0)])
            doubtful.says = None

            other = await cluster.joined(a_member(1))
            await agreed(other, on=[a_member(1)])

            doubtful.says = a_member(0)
            await agreed(doubtful, other, on=[a_member(0), a_member(1)])

    # --- one slot, several epochs

    async def test_joining_puts_the_predecessor_out(self, server: GroupServer) -> None:
        """A killed and restarted replica has its classes back without waiting for the session of the one killed."""
        async with cluster_on(server) as cluster:
            killed, other = await cluster.joined(a_member(3, epoch=1)), await cluster.joined(a_member(4))
            await agreed(killed, other, on=[a_member(3), a_member(4)])
            await server.isolate(killed.group)

            successor = await cluster.joined(a_member(3, epoch=2))

            await agreed(successor, other, on=[a_member(3, epoch=2), a_member(4)])
            assert sorted((member.slot, member.epoch) for member in await server.members()) == [(3, 2), (4, 1)]

    async def test_woken_predecessor_gets_nothing(self, server: GroupServer) -> None:
        """A zombie that still believes in its claim may join, but changes nobody's classes: the larger epoch counts."""
        async with cluster_on(server) as cluster:
            zombie, other = await cluster.joined(a_member(3, epoch=1)), await cluster.joined(a_member(4))
            await agreed(zombie, other, on=[a_member(3), a_member(4)])
            await server.isolate(zombie.group)
            successor = await cluster.joined(a_member(3, epoch=2, serving=[0, 1]))
            await agreed(successor, other, on=[a_member(3, epoch=2, serving=[0, 1]), a_member(4)])
            before = zombie.asked
            zombie.says = a_member(3, epoch=1, serving=[5, 6])

            await server.reconnect(zombie.group)

            await until_asked_again(zombie, before)
            await agreed(successor, other, zombie, on=[a_member(3, epoch=2, serving=[0, 1]), a_member(4)])
            assert (3, 2) in [(member.slot, member.epoch) for member in await server.members()]

    # --- who is not heard of

    async def test_member_that_is_not_heard_of_is_out(self, server: GroupServer) -> None:
        """After a session others are to hold its classes; heard of again, it is asked again and has its share."""
        async with cluster_on(server) as cluster:
            silent, other = await cluster.joined(a_member(0)), await cluster.joined(a_member(1))
            await agreed(silent, other, on=[a_member(0), a_member(1)])
            await server.isolate(silent.group)

            await agreed(other, on=[a_member(1)])
            assert [member.slot for member in await server.members()] == [1]

            before = silent.asked
            await server.reconnect(silent.group)
            await until_asked_again(silent, before)
            await agreed(silent, other, on=[a_member(0), a_member(1)])

    async def test_member_that_is_not_heard_of_does_not_hold_a_newcomer_up_for_ever(self, server: GroupServer) -> None:
        """A rebalance waits for a silent member a while, and then goes on without it."""
        async with cluster_on(server) as cluster:
            silent = await cluster.joined(a_member(0))
            await agreed(silent, on=[a_member(0)])
            await server.isolate(silent.group)

            newcomer = await cluster.joined(a_member(1))

            await agreed(newcomer, on=[a_member(1)])

    # --- leave

    async def test_leave_gives_the_classes_to_others(self, server: GroupServer) -> None:
        """Who leaves is out at once, though it still follows; leaving again, or without having joined, does nothing."""
        async with cluster_on(server) as cluster:
            leaving, other = await cluster.joined(a_member(0)), await cluster.joined(a_member(1))
            await agreed(leaving, other, on=[a_member(0), a_member(1)])

            await within(leaving.group.leave())
            assert [member.slot for member in await server.members()] == [1]
            await agreed(other, on=[a_member(1)])

            await within(leaving.group.leave())
            await within(server.client().leave())
            assert [member.slot for member in await server.members()] == [1]

    async def test_leave_while_joining(self, server: GroupServer) -> None:
        """Who leaves while its join waits for the lease is no member when another one that began later is."""
        leaving, other = Replica(server.client(), None), Replica(server.client(), None)
        async with asyncio.TaskGroup() as group:
            joining = group.create_task(leaving.join())
            await until_asked_again(leaving, 0)
            await within(leaving.group.leave())
            joining_later = group.create_task(other.join())
            await until_asked_again(other, 0)
            leaving.says, other.says = a_member(0), a_member(1)
            await joining_later
            joining.cancel()

        assert [member.slot for member in await server.members()] == [1]

    async def test_join_again_after_leaving(self, server: GroupServer) -> None:
        """A replica that lost its slot joins with the next one; the old membership leaves no trace."""
        async with cluster_on(server) as cluster:
            replica = await cluster.joined(a_member(0))
            await within(replica.group.leave())
            replica.says = a_member(7, epoch=2)

            await replica.join()

            await agreed(replica, on=[a_member(7, epoch=2)])
            assert [(member.slot, member.epoch) for member in await server.members()] == [(7, 2)]

    async def test_leave_out_of_reach(self, server: GroupServer) -> None:
        """It is a courtesy: unreachable it returns all the same, and the session ends the membership."""
        async with cluster_on(server) as cluster:
            leaving, other = await cluster.joined(a_member(0)), await cluster.joined(a_member(1))
            await agreed(leaving, other, on=[a_member(0), a_member(1)])
            await server.isolate(leaving.group)

            await within(leaving.group.leave())

            await server.reconnect(leaving.group)
            await agreed(other, on=[a_member(1)])

    # --- the coordinator

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_join_out_of_reach(self, server: GroupServer, trouble: str) -> None:
        """Without a coordinator there is nothing to join: it raises, and can be tried again."""
        async with cluster_on(server) as cluster:
            replica = cluster.replica(says=a_member(0))
            await getattr(server, trouble)()

            with pytest.raises(JournalUnavailableError):
                await replica.join()

            await server.heal()
            await replica.join()
            await agreed(replica, on=[a_member(0)])

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_coordinator_that_was_away(self, server: GroupServer, trouble: str) -> None:
        """Followers hear nothing while it is away, and of everything afterwards."""
        async with cluster_on(server) as cluster:
            first, second = await cluster.joined(a_member(0)), await cluster.joined(a_member(1))
            await agreed(first, second, on=[a_member(0), a_member(1)])
            newcomer = cluster.replica(says=a_member(2))
            await getattr(server, trouble)()
            with pytest.raises(JournalUnavailableError):
                await newcomer.join()
            await server.heal()

            await newcomer.join()

            await agreed(first, second, newcomer, on=[a_member(0), a_member(1), a_member(2)])
