"""What every `Journal` promises of reading. A binding gives the fixture `server`."""

import asyncio

import pytest

from factorsvc.domain.errors import OutOfRangeError
from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.record import Batch, Put, Tombstone
from tests.builders import a_put, a_tombstone
from tests.contracts.journal_server import CLASSES, JournalServer, puts_of
from tests.contracts.server import (
    MOMENTS,
    PATIENCE_S,
    SOON_S,
    cut_short,
    later,
    read_class,
    read_on,
    read_up_to,
    records_of,
    under_way,
    within,
)


class JournalReadingContract:
    """Reading, from wherever it is ordered, over whatever compaction has left."""

    @pytest.fixture
    async def journal(self, server: JournalServer) -> Journal:
        """One replica's access, opened."""
        journal = server.client()
        await within(journal.open())
        return journal

    # --- read_from, stop_reading, take

    async def test_nothing_is_read_that_was_not_asked_for(self, journal: Journal) -> None:
        """`take` reads only what `read_from` named, whatever else there is."""
        await journal.append(puts_of(3, 1), later())
        await journal.append(puts_of(4, 1), later())
        journal.read_from(4, 0)

        assert [batch.class_id for batch in await within(journal.take(10, PATIENCE_S))] == [4]

    @pytest.mark.parametrize("position", [None, 0])
    async def test_nothing_to_read(self, journal: Journal, position: int | None) -> None:
        """`take` waits no longer than it was told to, with a class to read and without one."""
        if position is not None:
            journal.read_from(3, position)

        assert await within(journal.take(10, SOON_S)) == []
        assert await within(journal.take(10, 0)) == []

    async def test_batches_follow_each_other_without_a_gap(self, journal: Journal) -> None:
        """Batch after batch, from the offset asked for, with every record once, and only offsets within its batch."""
        puts = puts_of(3, 50)
        await journal.append(puts, later())

        batches = await read_class(journal, 3, limit=7)

        assert [batch.start for batch in batches] == [0, *(batch.end for batch in batches[:-1])]
        assert batches[-1].end == (await journal.end_offsets())[3]
        assert records_of(batches) == puts
        assert all(batch.start <= entry.offset < batch.end for batch in batches for entry in batch.entries)

    async def test_reading_goes_on_from_any_offset(self, journal: Journal) -> None:
        """`read_from` sets the offset, whether or not the class was read before, back or forth."""
        puts = puts_of(3, 10)
        await journal.append(puts, later())
        first = (await read_class(journal, 3))[0]
        offsets = [entry.offset for entry in first.entries]

        for index in (4, 8, 2):
            journal.read_from(3, offsets[index])
            batch = (await within(journal.take(3, PATIENCE_S)))[0]
            assert (batch.start, batch.entries[0].record) == (offsets[index], puts[index])

    async def test_read_from_while_a_take_waits(self, journal: Journal) -> None:
        """The take that waits may return what follows the old offset; at the latest the next one reads from the new."""
        await journal.append(puts_of(3, 5), later())
        end = (await read_class(journal, 3))[-1].end

        async with asyncio.TaskGroup() as group:
            taking = await under_way(group, journal.take(10, PATIENCE_S))
            journal.read_from(3, 1)
            await journal.append(puts_of(3, 1), later())

        batches = taking.result()
        if batches[0].start != 1:
            assert batches[0].start == end
            batches = await within(journal.take(10, PATIENCE_S))
        while batches[-1].end <= end:
            batches += await within(journal.take(10, PATIENCE_S))
        assert [batch.start for batch in batches] == [1, *(batch.end for batch in batches[:-1])]

    async def test_classes_that_are_not_read_any_more(self, journal: Journal) -> None:
        """`stop_reading` ends the named classes, read or not, and no others."""
        await journal.append([*puts_of(3, 1), *puts_of(4, 1)], later())
        await read_up_to(journal, {3: 1, 4: 1})
        await journal.append([*puts_of(3, 1), *puts_of(4, 1)], later())

        journal.stop_reading([3, 5])

        assert [batch.class_id for batch in await within(journal.take(10, PATIENCE_S))] == [4]
        await journal.append([*puts_of(3, 1), *puts_of(4, 1)], later())
        assert [batch.class_id for batch in await within(journal.take(10, PATIENCE_S))] == [4]

    async def test_append_ends_the_waiting_of_take(self, journal: Journal) -> None:
        """A take that waits returns when something comes, long before its time is over."""
        journal.read_from(3, 0)
        put = a_put(3)

        async with asyncio.TaskGroup() as group:
            taking = await under_way(group, journal.take(10, 100 * PATIENCE_S))
            await journal.append([put], later())

        assert records_of(taking.result()) == [put]

    async def test_cancelled_take_loses_nothing(self, journal: Journal) -> None:
        """What a cancelled take would have returned is left for the next one, whenever the cancellation comes."""
        puts = puts_of(3, 5 * len(MOMENTS))
        journal.read_from(3, 0)
        read: list[Put | Tombstone] = []
        for put, turns in zip(puts, 5 * MOMENTS, strict=True):
            batches = await cut_short(journal.take(10, PATIENCE_S), journal.append([put], later()), turns)
            read += records_of(batches or [])
        while len(read) < len(puts):
            read += records_of(await within(journal.take(10, PATIENCE_S)))

        assert read == puts

    async def test_take_keeps_its_limit(self, journal: Journal) -> None:
        """At most about `limit` records, and one batch a class."""
        await journal.append([put for class_id in range(CLASSES) for put in puts_of(class_id, 40)], later())
        for class_id in range(CLASSES):
            journal.read_from(class_id, 0)

        for _ in range(10):
            batches = await within(journal.take(20, PATIENCE_S))
            assert len(records_of(batches)) <= 2 * 20
            assert len({batch.class_id for batch in batches}) == len(batches)

    @pytest.mark.parametrize("limit", [1, 3, 50])
    async def test_no_class_starves(self, journal: Journal, limit: int) -> None:
        """A class with a large backlog does not keep the others waiting: each is read within a few takes."""
        await journal.append([put for class_id in range(CLASSES) for put in puts_of(class_id, 10)], later())
        await journal.append(puts_of(0, 500), later())
        for class_id in range(CLASSES):
            journal.read_from(class_id, 0)

        seen: set[int] = set()
        takes = 0
        while len(seen) < CLASSES:
            seen |= {batch.class_id for batch in await within(journal.take(limit, PATIENCE_S)) if batch.entries}
            takes += 1

        assert takes <= 2 * CLASSES

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_unreachable_broker_is_silence(self, server: JournalServer, journal: Journal, trouble: str) -> None:
        """`take` returns nothing when its time is over, and later goes on where it was."""
        puts = puts_of(3, 2)
        await journal.append(puts, later())
        journal.read_from(3, 0)
        await getattr(server, trouble)()

        assert await within(journal.take(10, SOON_S)) == []

        await server.heal()
        assert records_of((await read_on(journal, {3: 2}))[3]) == puts

    @pytest.mark.parametrize("where", ["beyond the end", "before the start"])
    async def test_offset_out_of_range(self, server: JournalServer, journal: Journal, where: str) -> None:
        """An offset that is not in the journal raises, once: the class is read no more, the others lose nothing."""
        others = puts_of(4, 5)
        await journal.append([*puts_of(3, 5), *others], later())
        journal.read_from(4, 0)
        if where == "beyond the end":
            journal.read_from(3, (await journal.end_offsets())[3] + 1)
        else:
            await server.cut(3, 2)
            journal.read_from(3, 1)

        read: list[Batch] = []
        with pytest.raises(OutOfRangeError) as out_of_range:
            await _collect(journal, into=read)
        assert out_of_range.value.class_id == 3

        while len(records_of(read)) < len(others):
            read += await within(journal.take(10, PATIENCE_S))
        assert records_of(read) == others
        await journal.append(others, later())
        assert records_of(await within(journal.take(10, PATIENCE_S))) == others
        journal.read_from(3, 2)
        assert (await within(journal.take(10, PATIENCE_S)))[0].start == 2

    # --- compaction

    async def test_compaction_leaves_holes_that_reading_passes(self, server: JournalServer, journal: Journal) -> None:
        """What has a later record of its key is gone; batches still follow without a gap and come to the end offset."""
        kept, buried = puts_of(3, 40)[::2], puts_of(3, 40)[1::2]
        await journal.append([put for pair in zip(kept, buried, strict=True) for put in pair], later())
        await journal.bury([put.key for put in buried])
        await journal.append(puts_of(3, 1), later())
        before = records_of(await read_class(journal, 3))

        await server.compact(3)

        batches = await read_class(journal, 3, limit=5)
        gone = set(before) - set(records_of(batches))
        assert gone == set(buried)
        assert [batch.start for batch in batches] == [0, *(batch.end for batch in batches[:-1])]
        assert [record for record in before if record not in gone] == records_of(batches)

    async def test_tombstones_go_after_their_retention(self, server: JournalServer, journal: Journal) -> None:
        """Compacted and past `delete.retention.ms` a tombstone is gone too; reading comes to the end all the same."""
        buried = puts_of(3, 10)
        await journal.append(buried, later())
        await journal.bury([put.key for put in buried])
        await journal.append(puts_of(3, 1), later())
        await server.compact(3)
        assert records_of(await read_class(journal, 3))[:-1] == [a_tombstone(put) for put in buried]

        await server.drop_tombstones(3)

        end = (await journal.end_offsets())[3]  # by now, as only an append sets a real broker's cleaner going again
        batches = await read_class(journal, 3)
        assert not [record for record in records_of(batches) if isinstance(record, Tombstone)]
        assert (batches[0].start, batches[-1].end) == (0, end)


async def _collect(journal: Journal, into: list[Batch]) -> None:
    """Take until that raises."""
    while True:
        into += await within(journal.take(10, PATIENCE_S))
