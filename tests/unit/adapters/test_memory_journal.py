"""What the journal, the statuses and the mailboxes in memory do that only they can show."""

import asyncio

import pytest

from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.domain.errors import JournalUnavailableError, OutOfRangeError
from factorsvc.domain.ports.journal import Journal, NoReceipt
from tests.builders import NOW_MS, a_put, a_question, a_status
from tests.simulation.loop import SimulationLoop
from tests.simulation.run import run
from tests.unit.adapters.sabotage import CLASSES, Replica, a_cluster

FIVE = [a_put(3 + CLASSES * number) for number in range(5)]
"""Puts of one class."""


def in_a_moment() -> float:
    return asyncio.get_running_loop().time() + 1


def landed(cluster: MemoryCluster, class_id: int = 3) -> list[object]:
    return [stored.record for stored in cluster.journal.log.partitions[class_id].records]


def test_nothing_is_sent_behind_a_batch_in_doubt() -> None:
    """P8 and design 6, rule 1: the batch may land at any later time, and what follows must not lie before it."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        await replica.bus.journal.open()
        replica.appends.breaks_at = 2

        receipts = await replica.bus.journal.append(FIVE, in_a_moment())

        assert receipts[2:] == [NoReceipt.UNKNOWN, NoReceipt.UNKNOWN, NoReceipt.NOT_SENT]
        replica.appends.held[0]()
        assert landed(cluster) == FIVE[:4]

    run(main, seed=1)


def test_a_broken_burial_leaves_a_prefix() -> None:
    """Design 6, rule 1: no tombstone lands before all earlier ones of its class."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        await replica.bus.journal.open()
        replica.appends.breaks_at = 2

        with pytest.raises(JournalUnavailableError):
            await replica.bus.journal.bury([put.key for put in FIVE])

        assert [record[:2] for record in landed(cluster) if isinstance(record, tuple)] == [p.key for p in FIVE[:2]]

    run(main, seed=1)


def test_a_stopped_broker_is_known_to_have_got_nothing() -> None:
    """A refused connection carries nothing: nothing is stored, and the receipts may say so (P8)."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        await replica.bus.journal.open()
        cluster.stop()

        assert await replica.bus.journal.append(FIVE, in_a_moment()) == [NoReceipt.NOT_SENT] * 5

        cluster.start()
        assert landed(cluster) == []

    run(main, seed=1)


def test_a_broker_that_restarts_in_time_is_no_failure() -> None:
    """What was refused is tried again until the deadline, as real clients do, and everything is still there."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        facts = await replica.bus.journal.open()
        await replica.bus.journal.append(FIVE[:2], in_a_moment())
        cluster.stop()
        loop.call_later(0.4, cluster.start)

        receipts = await replica.bus.journal.append(FIVE[2:], in_a_moment())

        assert all(isinstance(receipt, int) for receipt in receipts)
        assert landed(cluster) == FIVE
        assert await replica.bus.journal.open() == facts

    run(main, seed=1)


def test_append_times_are_the_brokers() -> None:
    """The broker's clock may be wrong by any amount; what counts is that it is one clock."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        await replica.bus.journal.open()
        cluster.clock_offset_ms = -5_000

        assert await replica.bus.journal.append(FIVE[:1], in_a_moment()) == [NOW_MS - 5_000]
        assert await replica.bus.statuses.publish(a_status()) == NOW_MS - 5_000

    run(main, seed=1)


def test_a_journal_that_was_deleted_is_nowhere() -> None:
    """Until somebody makes it anew there is nobody to send to; then positions in the old one are out of range."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(cluster := a_cluster(loop))
        await replica.bus.journal.open()
        cluster.journal.delete()

        assert await replica.bus.journal.append(FIVE, in_a_moment()) == [NoReceipt.NOT_SENT] * 5
        with pytest.raises(JournalUnavailableError):
            await replica.bus.journal.end_offsets()

        await replica.bus.journal.open()
        replica.bus.journal.read_from(3, 5)
        with pytest.raises(OutOfRangeError):
            await replica.bus.journal.take(10, 1)

    run(main, seed=1)


def test_who_waits_does_not_poll() -> None:
    """`dev --memory` at rest costs its heartbeats and nothing else: a take that waits an hour makes one call."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(a_cluster(loop))
        await replica.bus.journal.open()
        await replica.bus.mailbox.open(3)
        replica.bus.journal.read_from(3, 0)
        before = [link.calls for link in replica.links]

        assert await replica.bus.journal.take(10, 3_600) == []
        assert not (await replica.bus.mailbox.take(3_600)).messages
        assert not (await replica.bus.statuses.take(3_600)).statuses

        assert sum(link.calls for link in replica.links) - sum(before) == 4

    run(main, seed=1)


def test_a_waiting_take_turns_to_a_class_that_is_ordered() -> None:
    """A class that was just placed here is read at once, not when the present wait is over."""

    async def main(loop: SimulationLoop) -> None:
        replica = Replica(a_cluster(loop))
        journal: Journal = replica.bus.journal
        await journal.open()
        await journal.append(FIVE, in_a_moment())
        async with asyncio.TaskGroup() as group:
            taking = group.create_task(journal.take(10, 60))
            await asyncio.sleep(1)
            journal.read_from(3, 0)

        assert loop.time() < 2
        assert [entry.record for entry in taking.result()[0].entries] == FIVE

    run(main, seed=1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("old", [0, 99], ids=["in range", "out of range"])
def test_an_order_overtakes_a_fetch(seed: int, old: int) -> None:
    """A fetch under way, even one that finds its offset out of range, decides nothing about a class ordered anew."""

    async def main(loop: SimulationLoop) -> None:
        journal: Journal = Replica(a_cluster(loop)).bus.journal
        await journal.open()
        await journal.append(FIVE, in_a_moment())
        journal.read_from(3, old)
        ordered = asyncio.Event()

        async def take() -> None:
            try:
                start = (await journal.take(10, 1))[0].start
            except OutOfRangeError:
                start = old
            if start == old:
                assert not ordered.is_set()
                await ordered.wait()
                start = (await journal.take(10, 1))[0].start
            assert start == 2

        async with asyncio.TaskGroup() as group:
            group.create_task(take())
            await asyncio.sleep(0)
            journal.read_from(3, 2)
            ordered.set()

    run(main, seed=seed)


def test_a_mailbox_is_opened_first() -> None:
    """Reading a mailbox that no slot was named for is a fault of the program."""

    async def main(loop: SimulationLoop) -> None:
        with pytest.raises(RuntimeError):
            await Replica(a_cluster(loop)).bus.mailbox.take(1)

    run(main, seed=1)


def test_one_cut_connection_is_not_the_end_of_a_take() -> None:
    """A lost answer is asked for again within the same take."""

    async def main(loop: SimulationLoop) -> None:
        here, there = Replica(cluster := a_cluster(loop)), Replica(cluster)
        await here.bus.mailbox.open(3)
        await there.bus.mailbox.send(3, [a_question()])
        for link in here.links:
            link.breaks_at = link.calls + 1

        assert (await here.bus.mailbox.take(1)).messages == [a_question()]

    run(main, seed=1)
