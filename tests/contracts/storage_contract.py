"""What every `Storage` promises of its writes while nothing fails. A binding gives the fixture `server`."""

from itertools import pairwise

import pytest

from factorsvc.domain.errors import StorageConflictError, StorageFullError
from factorsvc.domain.ports.storage import Change, Snapshot, Storage
from tests.builders import NOW_MS, a_position, a_present, a_put_id
from tests.contracts.slots_server import SlotsServer, held_by, store, whole

NOTHING = whole([])
VALUES = range(1, 40)


class StorageContract:
    """One slot's database, written by its one writer."""

    @pytest.fixture
    async def storage(self, server: SlotsServer) -> Storage:
        return (await server.process().holds()).storage

    async def test_a_new_database_holds_no_view(self, storage: Storage) -> None:
        """`look`: no journal, no class, no value."""
        snapshot = await storage.look(range(5), VALUES)
        assert snapshot[:4] == (None, {}, {}, {})
        assert await held_by(storage, VALUES) == NOTHING

    async def test_a_look_shows_what_was_committed(self, storage: Storage) -> None:
        """All that one commit changes is there, and of what is there only what was asked for is returned."""
        presents = {value: a_present(value, expires_at_ms=value) for value in (6, 12, 36)}
        change = Change(
            presents=presents,
            positions={1: a_position(load_id=b"one")},
            loading={2: b"two", 3: b"three"},
            journal_id=b"journal",
        )
        await storage.commit(await storage.look(range(5), presents), change)
        snapshot = await storage.look([1, 3, 4], [6, 7, 36])
        assert snapshot[:4] == (
            b"journal",
            {1: a_position(load_id=b"one")},
            {3: b"three"},
            {6: presents[6], 36: presents[36]},
        )

    async def test_a_view_keeps_its_journal_until_told_of_another(self, storage: Storage) -> None:
        """`Change.journal_id` None leaves it as it was."""
        await storage.commit(await storage.look([]), Change(journal_id=b"one"))
        await store(storage, a_present(6))
        assert (await storage.look([])).journal_id == b"one"
        await storage.commit(await storage.look([]), Change(journal_id=b"two"))
        assert (await storage.look([])).journal_id == b"two"

    async def test_the_session_is_the_same_while_the_connection_is(self, storage: Storage) -> None:
        """`Snapshot.session` changes only with the writing connection."""
        before = (await storage.look([])).session
        await store(storage, a_present(6))
        assert (await storage.look([])).session == before

    async def test_a_new_state_replaces_the_old_one_everywhere(self, storage: Storage) -> None:
        """Posting a value again replaces its ttl (P6): in the states, the index, and the hints of expiry."""
        for expires_at_ms in (NOW_MS, None, NOW_MS + 1, NOW_MS - 1, None):
            present = a_present(30, expires_at_ms=expires_at_ms)
            await store(storage, present)
            assert await held_by(storage, VALUES) == whole([present], {0: a_position()})
            hidden = expires_at_ms is not None and expires_at_ms <= NOW_MS
            assert (await storage.expired([0], NOW_MS + 1, 10) == [30]) == hidden

    async def test_a_value_can_lose_its_state(self, storage: Storage) -> None:
        """None in `Change.presents`: a tombstone removed it, and nothing of it is left."""
        kept, gone = a_present(11), a_present(6, expires_at_ms=NOW_MS)
        await store(storage, kept, gone)
        await storage.commit(await storage.look([1], [6]), Change(presents={6: None}))
        assert await held_by(storage, VALUES) == whole([kept], {1: a_position()})

    async def test_1_has_a_state_and_is_found_by_no_prime(self, storage: Storage) -> None:
        """1 is stored like any other value."""
        one = a_present(1, expires_at_ms=NOW_MS)
        await store(storage, one)
        assert await held_by(storage, VALUES) == whole([one], {1: a_position()})

    async def test_a_position_ends_a_load(self, storage: Storage) -> None:
        """The last commit of a cold load gives the class its position (design 6, rule 5)."""
        await storage.commit(await storage.look([3]), Change(loading={3: b"load"}))
        assert (await storage.look([3]))[1:3] == ({}, {3: b"load"})
        await storage.commit(await storage.look([3]), Change(positions={3: a_position()}))
        assert (await storage.look([3]))[1:3] == ({3: a_position()}, {})

    async def test_a_commit_can_be_built_on_once(self, storage: Storage) -> None:
        """The second one with a snapshot finds the view written by the first."""
        snapshot = await storage.look([1], [6, 11])
        await storage.commit(snapshot, Change(presents={6: a_present(6)}))
        await conflicts(storage, snapshot)

    async def test_a_later_look_ends_an_earlier_one(self, storage: Storage) -> None:
        """`commit` needs the latest look, although nothing was written in between."""
        snapshot = await storage.look([])
        await storage.look([])
        await conflicts(storage, snapshot)

    async def test_a_forgotten_class_conflicts(self, storage: Storage) -> None:
        """`forget` writes the view, so nothing can be committed that builds on what it forgot."""
        await store(storage, a_present(6))
        snapshot = await storage.look([1], [11])
        await storage.forget([1])
        await conflicts(storage, snapshot)

    async def test_a_wipe_conflicts(self, server: SlotsServer, storage: Storage) -> None:
        """FLUSHALL between look and commit: a view that has lost its beginning gets no position."""
        await store(storage, a_present(6))
        snapshot = await storage.look([1], [11])
        await server.wipe()
        await conflicts(storage, snapshot)
        assert await held_by(storage, VALUES) == NOTHING

    async def test_a_full_database_takes_no_commit(self, server: SlotsServer, storage: Storage) -> None:
        """`StorageFullError`, nothing applied, and reads go on; with room again it works, after a new look."""
        present = a_present(6)
        await store(storage, present)
        await server.fill()
        snapshot = await storage.look([1], [6, 11])
        with pytest.raises(StorageFullError):
            await storage.commit(snapshot, Change(presents={6: None, 11: a_present(11)}, positions={1: a_position()}))
        await server.make_room()
        await conflicts(storage, snapshot)
        assert await held_by(storage, VALUES) == whole([present], {1: a_position()})
        another = a_present(11)
        await store(storage, another)
        assert await held_by(storage, VALUES) == whole([present, another], {1: a_position()})

    async def test_forgetting_leaves_garbage_only(self, server: SlotsServer, storage: Storage) -> None:
        """`forget` takes positions and load ids of the classes named, also when full, and may be repeated."""
        presents = [a_present(6), a_present(12)]
        await store(storage, *presents)
        await storage.commit(await storage.look([3, 4]), Change(loading={3: b"three", 4: b"four"}))
        await server.fill()
        for _ in range(2):
            await storage.forget([1, 3])
            snapshot = await storage.look(range(5))
            assert (snapshot.positions, snapshot.loading) == ({2: a_position()}, {4: b"four"})
        assert await storage.sizes([1, 2]) == {1: 1, 2: 1}

    @pytest.mark.parametrize("is_full", [False, True], ids=["room", "full"])
    async def test_a_forgotten_class_is_cleared_in_steps(
        self, server: SlotsServer, storage: Storage, *, is_full: bool
    ) -> None:
        """`clear` takes about `limit` values a time, says when none is left, touches no other class; also when full."""
        kept = [a_present(value, expires_at_ms=value) for value in (2, 12)]
        await store(storage, *kept, *(a_present(value, expires_at_ms=value) for value in range(6, 200, 5)))
        await storage.forget([1])
        if is_full:
            await server.fill()
        sizes = [(await storage.sizes([1]))[1]]
        while not await storage.clear(1, 7):
            sizes.append((await storage.sizes([1]))[1])
        assert all(0 < before - after <= 20 for before, after in pairwise(sizes))
        assert await held_by(storage, range(1, 200)) == whole(kept, {2: a_position()})
        assert await storage.clear(1, 7), "repeatable"

    @pytest.mark.parametrize("is_full", [False, True], ids=["room", "full"])
    async def test_the_sweeper_removes_the_puts_it_names(
        self, server: SlotsServer, storage: Storage, *, is_full: bool
    ) -> None:
        """`remove`: only values whose present put is named go; to name a put that was superseded harms nobody."""
        kept, gone = [a_present(6, expires_at_ms=1), a_present(11)], [a_present(16, expires_at_ms=2), a_present(12)]
        await store(storage, *kept, *gone)
        if is_full:
            await server.fill()
        for _ in range(2):
            snapshot = await storage.look([1, 2], [6, 11, 12, 16, 21])
            keys = [present.key for present in gone] + [kept[0].key._replace(put_id=a_put_id())]
            await storage.remove(snapshot, keys)
            assert await held_by(storage, VALUES) == whole(kept, {1: a_position(), 2: a_position()})

    @pytest.mark.parametrize("is_full", [False, True], ids=["room", "full"])
    async def test_a_removal_conflicts_like_a_commit(
        self, server: SlotsServer, storage: Storage, *, is_full: bool
    ) -> None:
        """`remove` after something was written removes nothing: the put may be another one by now (rule 4)."""
        present = a_present(6, expires_at_ms=1)
        await store(storage, present, a_present(12))
        if is_full:
            await server.fill()
        snapshot = await storage.look([1], [6])
        await storage.forget([2])
        with pytest.raises(StorageConflictError):
            await storage.remove(snapshot, [present.key])
        assert (await storage.look([], [6])).presents == {6: present}
        assert await storage.expired([1], NOW_MS, 10) == [6]

    async def test_a_removal_is_a_write(self, storage: Storage) -> None:
        """Nothing can be committed on a snapshot that a removal has used."""
        present = a_present(6)
        await store(storage, present)
        snapshot = await storage.look([1], [6])
        await storage.remove(snapshot, [present.key])
        with pytest.raises(StorageConflictError):
            await storage.commit(snapshot, Change(presents={6: a_present(6)}))


async def conflicts(storage: Storage, snapshot: Snapshot) -> None:
    """A commit on `snapshot` is refused, and nothing of it is applied."""
    change = Change(
        presents={11: a_present(11), 16: a_present(16)},
        positions={1: a_position(next_offset=99)},
        loading={3: b"refused"},
        journal_id=b"refused",
    )
    with pytest.raises(StorageConflictError):
        await storage.commit(snapshot, change)
    after = await storage.look(range(5), [11, 16])
    assert after.presents == {}
    assert after.loading == {}
    assert a_position(next_offset=99) not in after.positions.values()
    assert after.journal_id != b"refused"
