"""What every `Storage` promises of its reads. A binding gives the fixture `server`."""

import pytest

from factorsvc.domain.ports.storage import Change, Storage, Want
from factorsvc.domain.question import Cursor
from factorsvc.domain.value import class_of, value_of
from tests.builders import NOW_MS, a_member_text, a_page, a_position, a_present
from tests.contracts.slots_server import CLASSES, PAGE_MEMBERS, SlotsServer, step, store, walk

MANY = range(2, 2 * 150 * CLASSES, 2 * CLASSES)
"""Even values of class 2, too many for one page."""


class StorageReadingContract:
    """One slot's database, read by many."""

    @pytest.fixture
    async def storage(self, server: SlotsServer) -> Storage:
        return (await server.process().holds()).storage

    async def test_one_page_for_each_want_in_their_order(self, storage: Storage) -> None:
        """`read`: the pages of prime and class, empty where there is nothing."""
        await store(storage, *map(a_present, (6, 10, 12, 5, 15)))
        wants = [Want(2, 0), Want(2, 1), Want(5, 0), Want(7, 0), Want(2, 4), Want(3, 2), Want(2, 1)]
        reading = await storage.read(wants, NOW_MS)
        assert [sorted(page.members.split(b"\n")) for page in reading.pages] == [
            [a_member_text(10)],
            [a_member_text(6)],
            [a_member_text(10), a_member_text(15), a_member_text(5)],
            [b""],
            [b""],
            [a_member_text(12)],
            [a_member_text(6)],
        ]
        assert all(page.cursor is None for page in reading.pages)

    async def test_no_wants_no_pages(self, storage: Storage) -> None:
        """`read` of nothing is an empty reading."""
        assert await storage.read([], NOW_MS) == ({}, {}, [])

    async def test_a_large_number_comes_whole(self, storage: Storage) -> None:
        """A member is the value's whole text, whatever its size."""
        prime = 2**89 - 1
        present = a_present(2)._replace(value=2 * prime, member=b"%d 2,%d" % (2 * prime, prime))
        class_id = class_of(2 * prime, CLASSES)
        await storage.commit(await storage.look([], [2 * prime]), Change(presents={2 * prime: present}))
        assert (await storage.read([Want(prime, class_id)], NOW_MS)).pages[0].members == present.member

    async def test_a_value_is_gone_at_its_expiry(self, storage: Storage) -> None:
        """P6: at `now_ms` = `expires_at_ms` it is no longer returned; it is still a state, for the sweeper."""
        await store(storage, a_present(6, expires_at_ms=NOW_MS), a_present(16))
        for now_ms, values in ((NOW_MS - 1, (6, 16)), (NOW_MS, (16,)), (NOW_MS + 1, (16,))):
            assert sorted((await step(storage, 2, 1, now_ms))[0]) == sorted(values)
        assert await storage.sizes([1]) == {1: 2}

    async def test_a_reading_says_where_the_view_was(self, server: SlotsServer, storage: Storage) -> None:
        """`Reading.before`, `after`: positions of the wanted classes, without those that have none."""
        await store(storage, a_present(6), a_present(12))
        await storage.forget([2])
        reading = await storage.read([Want(2, 1), Want(3, 1), Want(2, 2), Want(2, 3)], NOW_MS)
        assert reading.before == reading.after == {1: a_position()}
        await server.wipe()
        reading = await storage.read([Want(2, 1)], NOW_MS)
        assert reading == ({}, {}, [a_page()])

    async def test_a_small_set_is_one_page(self, storage: Storage) -> None:
        """Up to `PAGE_MEMBERS` members come at once, as of one moment."""
        await store(storage, *map(a_present, MANY[:PAGE_MEMBERS]))
        assert [sorted(page) for page in await walk(storage, 2, 2, NOW_MS)] == [list(MANY[:PAGE_MEMBERS])]

    async def test_a_large_set_is_walked_in_pages_of_limited_size(self, storage: Storage) -> None:
        """P9: no page is large, each has a cursor of the class as it is loaded but the last, all members come."""
        await store(storage, *map(a_present, MANY))
        values, cursor = await step(storage, 2, 2, NOW_MS)
        pages = [values]
        while cursor is not None:
            assert cursor.load_id == a_position().load_id
            values, cursor = await step(storage, 2, 2, NOW_MS, cursor)
            pages.append(values)
        assert max(map(len, pages)) <= PAGE_MEMBERS
        assert sorted(value for page in pages for value in page) == list(MANY)

    async def test_a_walk_hides_what_has_expired(self, storage: Storage) -> None:
        """Each page is without the values that have expired at its `now_ms`, so a page may be empty with a cursor."""
        expired = {value: a_present(value, expires_at_ms=NOW_MS) for value in MANY[:-2]}
        await store(storage, *expired.values(), *map(a_present, MANY[-2:]))
        pages = await walk(storage, 2, 2, NOW_MS)
        assert sorted(value for page in pages for value in page) == list(MANY[-2:])

    async def test_a_walk_under_writes_misses_nothing_that_stays(self, storage: Storage) -> None:
        """What is there from the first page to the last comes at least once, put again meanwhile or not.

        Between any two pages values are added, removed and put again with another expiry.
        """
        stay, go, come = MANY[::3], iter(MANY[1::3]), iter(MANY[2::3])
        await store(storage, *map(a_present, MANY[::3]), *map(a_present, MANY[1::3]))
        found, cursor = await step(storage, 2, 2, NOW_MS)
        again = iter(stay)
        while cursor is not None:
            changes = {
                value: a_present(value, expires_at_ms=NOW_MS + value) for value, _ in zip(again, "abc", strict=False)
            }
            changes |= {value: a_present(value) for value, _ in zip(come, "abcde", strict=False)}
            removals = dict.fromkeys(value for value, _ in zip(go, "ab", strict=False))
            snapshot = await storage.look([2], [*changes, *removals])
            await storage.commit(snapshot, Change(presents={**changes, **removals}))
            values, cursor = await step(storage, 2, 2, NOW_MS, cursor)
            found += values
        assert set(found) >= set(stay)
        assert set(found) <= set(MANY)

    async def test_a_walk_ends_though_the_set_shrinks(self, storage: Storage) -> None:
        """A cursor is good for as long as the class is the one that was loaded, however few members are left."""
        presents = [a_present(value) for value in MANY]
        await store(storage, *presents)
        found, cursor = await step(storage, 2, 2, NOW_MS)
        assert cursor is not None
        await storage.commit(await storage.look([2], MANY), Change(presents=dict.fromkeys(MANY[:-3])))
        while cursor is not None:
            values, cursor = await step(storage, 2, 2, NOW_MS, cursor)
            found += values
        assert set(found) >= set(MANY[-3:])

    async def test_a_reader_can_see_that_a_walk_is_of_no_use(self, storage: Storage) -> None:
        """A class made anew under a walk has another load id than the cursor, which the positions show (rule 5)."""
        await store(storage, *map(a_present, MANY))
        _, cursor = await step(storage, 2, 2, NOW_MS)
        assert cursor is not None
        await storage.forget([2])
        reading = await storage.read([Want(2, 2, cursor)], NOW_MS)
        assert reading.before == reading.after == {}
        another = a_position(load_id=b"another")
        await store(storage, positions={2: another})
        reading = await storage.read([Want(2, 2, cursor)], NOW_MS)
        assert reading.before == reading.after == {2: another}

    async def test_cursors_of_several_wants_are_independent(self, storage: Storage) -> None:
        """Wants with and without a cursor may stand in one reading."""
        await store(storage, *map(a_present, MANY), a_present(11))
        seen: dict[int, list[int]] = {2: [], 5: []}
        cursors: dict[int, Cursor | None] = {2: None}
        while cursors:
            wants = [Want(prime, 2, cursor) for prime, cursor in cursors.items()] + [Want(11, 1)]
            *pages, last = (await storage.read(wants, NOW_MS)).pages
            assert last.members == a_member_text(11)
            for want, page in zip(wants, pages, strict=False):
                seen[want.prime] += [value_of(member) for member in page.members.split(b"\n") if member]
            cursors = {
                want.prime: page.cursor for want, page in zip(wants, pages, strict=False) if page.cursor is not None
            }
        assert sorted(seen[2]) == list(MANY)

    async def test_hints_of_expiry_come_earliest_first(self, storage: Storage) -> None:
        """`expired`: strictly before the time given, only what expires, up to `limit` of each class."""
        expiries = {6: 30, 11: 10, 16: 20, 21: 40, 12: 15, 7: 25}
        await store(storage, a_present(1), *(a_present(value, expires_at_ms=at) for value, at in expiries.items()))
        assert await storage.expired([1], 40, 10) == [11, 16, 6]
        assert await storage.expired([1], 41, 10) == [11, 16, 6, 21]
        assert await storage.expired([1], 10, 10) == []
        assert await storage.expired([1], 41, 2) == [11, 16]
        assert await storage.expired([1, 2, 3], 41, 2) == [11, 12, 16, 7]
        assert await storage.expired([], 41, 2) == []

    async def test_sizes_count_what_has_expired(self, storage: Storage) -> None:
        """`sizes`: states of each class asked for, expired ones included, 0 where there is none."""
        await store(storage, a_present(6, expires_at_ms=1), a_present(11), a_present(7))
        assert await storage.sizes([1, 2, 3]) == {1: 2, 2: 1, 3: 0}
