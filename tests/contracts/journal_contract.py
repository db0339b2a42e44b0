"""What every `Journal` promises, whatever is behind it. A binding gives the fixture `server`."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence

import pytest

from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError, OutOfRangeError
from factorsvc.domain.fold import is_void
from factorsvc.domain.ports.journal import Journal, NoReceipt
from factorsvc.domain.record import Batch, Put, Tombstone
from factorsvc.domain.value import class_of
from tests.builders import a_put, a_tombstone
from tests.contracts.server import (
    MOMENTS,
    PATIENCE_S,
    SOON_S,
    TroubledServer,
    cut_short,
    later,
    read_class,
    read_on,
    read_up_to,
    records_of,
    soon,
    under_way,
    within,
)

CLASSES = 7
"""Small, so that a test can see all of them."""


class JournalServer(TroubledServer):
    """A server without a journal at first. Its clients are made for `CLASSES` classes."""

    @abstractmethod
    def client(self, classes: int = CLASSES) -> Journal:
        """Return the access of one more replica, not opened."""

    @abstractmethod
    def now_ms(self) -> int:
        """Return broker time."""

    @abstractmethod
    async def compact(self, class_id: int) -> None:
        """Compact all there is of a class now, but for the last record perhaps."""

    @abstractmethod
    async def drop_tombstones(self, class_id: int) -> None:
        """Let the retention of tombstones pass, and drop those compacted before, but for the last record perhaps."""

    @abstractmethod
    async def cut(self, class_id: int, start: int) -> None:
        """Remove all records of a class before `start`, so that the log starts there."""

    @abstractmethod
    async def delete(self) -> None:
        """Delete the journal."""


def puts_of(class_id: int, count: int) -> list[Put]:
    """`count` puts of different values of one class."""
    return [a_put(class_id + CLASSES * (n + 1)) for n in range(count)]


class JournalContract:
    """The promises of `Journal`."""

    @pytest.fixture
    async def journal(self, server: JournalServer) -> Journal:
        """One replica's access, opened."""
        journal = server.client()
        await within(journal.open())
        return journal

    # --- open

    async def test_first_open_makes_the_journal(self, server: JournalServer) -> None:
        """`open` makes the journal if there is none and returns its facts; it is empty for whoever reads it."""
        journal = server.client()

        facts = await within(journal.open())

        assert facts.journal_id
        assert facts.retention_ms > 0
        assert set(await journal.end_offsets()) == set(range(CLASSES))
        assert records_of(await read_class(journal, 0)) == []

    async def test_open_is_repeatable_and_keeps_the_journal(self, server: JournalServer, journal: Journal) -> None:
        """Opened again, by the same replica or another one, it is the same journal with all its records."""
        put = a_put()
        await journal.append([put], later())
        facts = await journal.open()
        other = server.client()

        assert await within(other.open()) == facts
        assert put in records_of(await read_class(other, class_of(put.value, CLASSES)))

    async def test_sixteen_replicas_open_at_once(self, server: JournalServer) -> None:
        """Safe for many replicas at once: they all come to the same id (design 6, bootstrap)."""
        async with asyncio.TaskGroup() as group:
            opened = [group.create_task(within(server.client().open())) for _ in range(16)]

        assert len({task.result() for task in opened}) == 1

    async def test_journal_made_anew_has_another_id(self, server: JournalServer, journal: Journal) -> None:
        """A journal that was deleted and made again is another one: what was made of the first is worthless."""
        facts = await journal.open()

        await server.delete()

        assert (await within(server.client().open())).journal_id != facts.journal_id

    async def test_journal_with_other_settings_is_refused(self, server: JournalServer, journal: Journal) -> None:
        """A mismatch names the setting, what was found and what was wanted, and nothing is done with the journal."""
        ends = await journal.end_offsets()

        with pytest.raises(JournalMismatchError) as mismatch:
            await within(server.client(classes=CLASSES + 1).open())

        assert (mismatch.value.found, mismatch.value.wanted) == (str(CLASSES), str(CLASSES + 1))
        assert await journal.end_offsets() == ends

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_open_out_of_reach(self, server: JournalServer, trouble: str) -> None:
        """A journal that cannot be reached raises, in bounded time, and can be opened once it can."""
        journal = server.client()
        await getattr(server, trouble)()

        with pytest.raises(JournalUnavailableError):
            await within(journal.open())

        await server.heal()
        assert (await within(journal.open())).journal_id

    # --- append

    async def test_receipts_are_append_times_in_the_order_of_the_puts(
        self, server: JournalServer, journal: Journal
    ) -> None:
        """Each put is in the class of its value, once, stamped by the broker with the time that its receipt says."""
        puts = [a_put(value) for value in (13, 1, 8, 1, 20, 6)]
        before_ms = server.now_ms()

        receipts = await within(journal.append(puts, later()))

        batches = await read_up_to(journal, await journal.end_offsets())
        entries = [
            (class_id, entry) for class_id, pieces in batches.items() for batch in pieces for entry in batch.entries
        ]
        found = {entry.record.put_id: (class_id, entry.append_time_ms, entry.record) for class_id, entry in entries}
        assert len(entries) == len(puts)
        assert [found[put.put_id] for put in puts] == [
            (class_of(put.value, CLASSES), receipt, put) for put, receipt in zip(puts, receipts, strict=True)
        ]
        assert all(before_ms <= time_ms <= server.now_ms() for _, time_ms, _ in found.values())

    async def test_puts_of_one_class_keep_their_order(self, journal: Journal) -> None:
        """The state of a value is its last put, so the order of a request is the order in the log."""
        puts = puts_of(3, 500)

        await within(journal.append(puts, later()))

        assert records_of(await read_class(journal, 3)) == puts

    async def test_nothing_to_append(self, journal: Journal) -> None:
        """No puts, no receipts."""
        assert await within(journal.append([], later())) == []

    @pytest.mark.parametrize("trouble", ["silence", "postpone", "refuse"])
    async def test_append_returns_by_its_deadline(self, server: JournalServer, journal: Journal, trouble: str) -> None:
        """Whatever the broker does, each put has a reason by the deadline. What was not sent never lands (P8)."""
        puts = [*puts_of(2, 20), *puts_of(5, 20)]
        await getattr(server, trouble)()

        receipts = await within(journal.append(puts, soon()))

        assert len(receipts) == len(puts)
        assert {type(receipt) for receipt in receipts} == {NoReceipt}
        landed = await self._landed_after_all(server, journal, [2, 5])
        assert not {p for p, receipt in zip(puts, receipts, strict=True) if receipt is NoReceipt.NOT_SENT} & set(landed)

    async def test_append_with_a_deadline_that_has_passed(self, journal: Journal) -> None:
        """It is too late to send anything, and the receipts do not claim otherwise."""
        deadline = asyncio.get_running_loop().time() - 1

        assert isinstance((await within(journal.append([a_put()], deadline)))[0], NoReceipt)

    async def test_append_without_an_answer_lands_late(self, server: JournalServer, journal: Journal) -> None:
        """Given up at its deadline it may still land, once, and is void by its append time (design 6)."""
        put = a_put(3, append_by_ms=server.now_ms())
        await server.postpone()

        assert await within(journal.append([put], soon())) == [NoReceipt.UNKNOWN]

        await server.heal()
        entry = (await read_class(journal, 3))[-1].entries[-1]
        assert entry.record == put
        assert is_void(put, entry.append_time_ms)

    async def test_what_lands_late_keeps_its_order(self, server: JournalServer, journal: Journal) -> None:
        """Puts of one class keep their order even where some land when the caller has given up."""
        puts = puts_of(3, 20)
        await server.postpone()
        await within(journal.append(puts, soon()))

        landed = await self._landed_after_all(server, journal, [3])

        assert landed == [put for put in puts if put in landed]

    async def test_cancelled_append_is_in_doubt(self, server: JournalServer, journal: Journal) -> None:
        """Cancelled, a put may land or not, but not twice; and the journal goes on."""
        cancelled, next_put = puts_of(3, 2)
        await server.postpone()
        async with asyncio.TaskGroup() as group:
            appending = group.create_task(journal.append([cancelled], later()))
            await within(server.postponed())
            appending.cancel()
        assert appending.cancelled()
        await server.heal()

        assert isinstance((await within(journal.append([next_put], later())))[0], int)

        landed = await self._landed_after_all(server, journal, [3])
        assert landed.count(cancelled) <= 1
        assert landed.count(next_put) == 1

    # --- bury

    async def test_tombstones_land_in_the_order_given(self, journal: Journal) -> None:
        """When `bury` returns all are in the journal, within a class in the order given: that of death (rule 1)."""
        first, second = puts_of(1, 300), puts_of(4, 3)
        keys = [put.key for put in [*reversed(first), *second]]
        before = await journal.end_offsets()

        await within(journal.bury(keys))

        ends = await journal.end_offsets()
        assert {class_id: end - before[class_id] for class_id, end in ends.items() if end != before[class_id]} == {
            1: 300,
            4: 3,
        }
        assert records_of(await read_class(journal, 1)) == [a_tombstone(put) for put in reversed(first)]
        assert records_of(await read_class(journal, 4)) == [a_tombstone(put) for put in second]

    async def test_bury_is_repeatable(self, journal: Journal) -> None:
        """A tombstone for a dead put does no harm however often it is written; no keys are none to bury."""
        put = a_put(3)
        await within(journal.bury([put.key]))
        await within(journal.bury([put.key]))
        await within(journal.bury([]))

        assert records_of(await read_class(journal, 3)) == [a_tombstone(put)] * 2

    @pytest.mark.parametrize("trouble", ["silence", "postpone", "refuse"])
    async def test_bury_without_an_answer_leaves_a_prefix(
        self, server: JournalServer, journal: Journal, trouble: str
    ) -> None:
        """Not all acknowledged: it raises, and none has landed before all earlier ones of its class (rule 1)."""
        puts = puts_of(3, 20)
        await getattr(server, trouble)()

        with pytest.raises(JournalUnavailableError):
            await within(journal.bury([put.key for put in puts]))

        landed = await self._landed_after_all(server, journal, [3])
        assert landed == [a_tombstone(put) for put in puts][: len(landed)]

    # --- end_offsets

    async def test_end_offsets_cover_what_was_acknowledged(self, server: JournalServer, journal: Journal) -> None:
        """The read index: whatever any replica was acknowledged before the call lies below it (P5)."""
        other = server.client()
        await within(other.open())
        for put in puts_of(3, 20):
            await journal.append([put], later())

            end = (await within(other.end_offsets()))[3]

            assert records_of(await read_class(other, 3))[-1] == put
            assert end == (await journal.end_offsets())[3]

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_end_offsets_are_whole_or_an_error(
        self, server: JournalServer, journal: Journal, trouble: str
    ) -> None:
        """No answer in time raises, as anything less than the ends of all classes would be no read index."""
        await getattr(server, trouble)()

        with pytest.raises(JournalUnavailableError):
            await within(journal.end_offsets())

        await server.heal()
        assert len(await within(journal.end_offsets())) == CLASSES

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

    # --- helpers

    async def _landed_after_all(
        self, server: JournalServer, journal: Journal, classes: Sequence[int]
    ) -> list[Put | Tombstone]:
        """Heal the server and return what is in these classes then."""
        await server.heal()
        ends = await within(journal.end_offsets())
        batches = await read_up_to(journal, {class_id: ends[class_id] for class_id in classes})
        return [record for class_id in classes for record in records_of(batches[class_id])]


async def _collect(journal: Journal, into: list[Batch]) -> None:
    """Take until that raises."""
    while True:
        into += await within(journal.take(10, PATIENCE_S))
