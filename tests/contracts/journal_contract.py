"""What every `Journal` promises of opening, appending and asking. A binding gives the fixture `server`."""

import asyncio
from collections.abc import Sequence

import pytest

from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError
from factorsvc.domain.fold import is_void
from factorsvc.domain.ports.journal import Journal, NoReceipt
from factorsvc.domain.record import Put, Tombstone
from factorsvc.domain.value import class_of
from tests.builders import a_put, a_tombstone
from tests.contracts.journal_server import CLASSES, JournalServer, puts_of
from tests.contracts.server import (
    later,
    read_class,
    read_up_to,
    records_of,
    soon,
    within,
)


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

    # --- helpers

    async def _landed_after_all(
        self, server: JournalServer, journal: Journal, classes: Sequence[int]
    ) -> list[Put | Tombstone]:
        """Heal the server and return what is in these classes then."""
        await server.heal()
        ends = await within(journal.end_offsets())
        batches = await read_up_to(journal, {class_id: ends[class_id] for class_id in classes})
        return [record for class_id in classes for record in records_of(batches[class_id])]
