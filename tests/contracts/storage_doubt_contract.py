"""What every `Storage` promises when requests and answers get lost. A binding gives the fixture `server`."""

from collections.abc import Callable, Coroutine
from itertools import count

import pytest

from factorsvc.domain.errors import RemovalUnknownError, StorageConflictError, StorageUnavailableError
from factorsvc.domain.ports.storage import Change, Snapshot, Storage, Want
from tests.builders import NOW_MS, a_position, a_present
from tests.contracts.slots_server import (
    EARLY,
    LATE,
    LOSSES,
    Process,
    SlotsServer,
    Trouble,
    held_by,
    interrupted,
    store,
    whole,
)

VALUES = range(1, 40)
OLD = a_present(6, expires_at_ms=1)
NEW = a_present(6, expires_at_ms=NOW_MS)
OTHER = a_present(12)
AT = {1: a_position(), 2: a_position()}
CHANGE = Change(presents={6: NEW}, positions={1: a_position(next_offset=11)})
CHANGED = whole([NEW, OTHER], {**AT, 1: a_position(next_offset=11)})
UNCHANGED = whole([OLD, OTHER], AT)

Operation = Callable[[Storage, Snapshot], Coroutine[None, None, object]]
READS: dict[str, Operation] = {
    "expired": lambda storage, _: storage.expired([1], NOW_MS, 10),
    "read": lambda storage, _: storage.read([Want(2, 1)], NOW_MS),
    "sizes": lambda storage, _: storage.sizes([1]),
}
WRITES: dict[str, Operation] = {
    "commit": lambda storage, snapshot: storage.commit(snapshot, CHANGE),
    "remove": lambda storage, snapshot: storage.remove(snapshot, [OLD.key]),
    "forget": lambda storage, _: storage.forget([1]),
    "clear": lambda storage, _: storage.clear(1, 10),
}
ALL: dict[str, Operation] = {"look": lambda storage, _: storage.look([1], [6]), **READS, **WRITES}

every_method = pytest.mark.parametrize("operation", ALL.values(), ids=ALL)
every_read = pytest.mark.parametrize("operation", READS.values(), ids=READS)
every_write = pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name.lower())
with_and_without_room = pytest.mark.parametrize("is_full", [False, True], ids=["room", "full"])


class StorageDoubtContract:
    """A slot with the values 6, which has expired, in class 1, and 12 in class 2."""

    @pytest.fixture
    def process(self, server: SlotsServer) -> Process:
        return server.process()

    @pytest.fixture
    async def storage(self, process: Process) -> Storage:
        storage = (await process.holds()).storage
        await store(storage, OLD, OTHER)
        return storage

    @every_method
    @pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.REQUEST_LOST], ids=["refused", "silent"])
    async def test_no_server_no_answer(
        self, server: SlotsServer, storage: Storage, operation: Operation, trouble: Trouble
    ) -> None:
        """Every method raises `StorageUnavailableError`; one whose request was surely not sent leaves no doubt."""
        snapshot = await storage.look([1], [6])
        server.trouble(trouble, lasting=True)
        with pytest.raises(StorageUnavailableError) as raised:
            await operation(storage, snapshot)
        await server.heal()
        assert not (trouble is Trouble.REFUSED and raised.errisinstance(RemovalUnknownError))
        assert await held_by(storage, VALUES) == UNCHANGED

    @every_loss
    async def test_a_commit_without_an_answer_is_applied_whole_or_not(
        self, server: SlotsServer, storage: Storage, loss: Trouble
    ) -> None:
        """Applied, or late, as nothing was written since, or never; whoever looks again sees another session."""
        snapshot = await storage.look([1], [6])
        assert await interrupted(server, loss, storage.commit(snapshot, CHANGE))
        at_once = await held_by(storage, VALUES)
        assert at_once == (CHANGED if loss in EARLY else UNCHANGED)
        assert (await storage.look([])).session != snapshot.session
        await server.heal()
        assert await held_by(storage, VALUES) == (UNCHANGED if loss is Trouble.REQUEST_LOST else CHANGED)

    @pytest.mark.parametrize("write", ["commit", "remove", "forget", "wipe"])
    async def test_a_late_commit_does_nothing_when_something_was_written_since(
        self, server: SlotsServer, storage: Storage, write: str
    ) -> None:
        """A transaction that arrives late over an abandoned connection is not applied to another view (rule 3)."""
        snapshot = await storage.look([1], [6])
        assert await interrupted(server, Trouble.POSTPONED, storage.commit(snapshot, CHANGE))
        match write:
            case "commit":
                await storage.commit(await storage.look([2], [12]), Change(positions={2: a_position()}))
            case "remove":
                await storage.remove(await storage.look([2], [12]), [OTHER.key])
            case "forget":
                await storage.forget([2])
            case _:
                await server.wipe()
        before = await held_by(storage, VALUES)
        await server.heal()
        assert await held_by(storage, VALUES) == before

    async def test_a_late_commit_between_look_and_commit_conflicts(self, server: SlotsServer, storage: Storage) -> None:
        """It is applied, as nothing else was written; then what builds on the look before it is refused."""
        lost = await storage.look([1], [6])
        assert await interrupted(server, Trouble.POSTPONED, storage.commit(lost, CHANGE))
        snapshot = await storage.look([1], [6])
        await server.heal()
        with pytest.raises(StorageConflictError):
            await storage.commit(snapshot, Change(presents={6: None}, positions={1: a_position(next_offset=12)}))
        assert await held_by(storage, VALUES) == CHANGED

    async def test_a_look_is_worth_nothing_over_another_connection(self, server: SlotsServer, storage: Storage) -> None:
        """What watched the view went with its connection, so a commit cannot know, and conflicts."""
        snapshot = await storage.look([1], [6])
        assert await interrupted(server, Trouble.REQUEST_LOST, storage.forget([2]))
        with pytest.raises(StorageConflictError):
            await storage.commit(snapshot, CHANGE)
        assert await held_by(storage, VALUES) == UNCHANGED

    @every_read
    @every_loss
    async def test_a_lost_read_disturbs_no_writer(
        self, server: SlotsServer, storage: Storage, operation: Operation, loss: Trouble
    ) -> None:
        """Any task may read: what fails there, at whatever step, does not end the writer's look."""
        for passed in count():
            snapshot = await storage.look([1], [6])
            met = await interrupted(server, loss, operation(storage, snapshot), passed)
            await storage.commit(snapshot, Change(positions=AT))
            await server.heal()
            if not met:
                break
        assert await held_by(storage, VALUES) == UNCHANGED

    @every_loss
    @with_and_without_room
    async def test_a_removal_can_be_lost_anywhere(
        self, server: SlotsServer, process: Process, storage: Storage, loss: Trouble, *, is_full: bool
    ) -> None:
        """Repeated, where it says so after a re-claim, it ends what it has begun; what is late harms nothing later."""
        for passed in count():
            await store(storage, OLD)
            if is_full:
                await server.fill()
            met = await interrupted(server, loss, sweep(storage), passed)
            storage = await repeated(server, process, storage, sweep)
            assert await held_by(storage, VALUES) == whole([OTHER], AT)
            await server.make_room()
            await store(storage, NEW)
            await server.heal()
            assert await held_by(storage, VALUES) == whole([NEW, OTHER], AT)
            if not met:
                break

    @every_loss
    @with_and_without_room
    async def test_a_clearing_can_be_lost_anywhere(
        self, server: SlotsServer, process: Process, storage: Storage, loss: Trouble, *, is_full: bool
    ) -> None:
        """Index first, states last: whatever step was lost, what was begun is found again, and ended."""
        for passed in count():
            await store(storage, OLD, *(a_present(value, expires_at_ms=value) for value in (1, 11, 16)))
            await storage.forget([1])
            if is_full:
                await server.fill()
            met = await interrupted(server, loss, clear(storage), passed)
            storage = await repeated(server, process, storage, clear)
            assert await held_by(storage, VALUES) == whole([OTHER], {2: a_position()})
            await server.make_room()
            await store(storage, NEW)
            await server.heal()
            assert await held_by(storage, VALUES) == whole([NEW, OTHER], AT)
            if not met:
                break

    @every_loss
    async def test_a_class_can_be_dropped_amid_a_removal(
        self, server: SlotsServer, process: Process, storage: Storage, loss: Trouble
    ) -> None:
        """What a removal in steps has left of a value, a clearing of its class takes, hints without a state too."""

        async def drop(storage: Storage) -> None:
            await storage.forget([1])
            await clear(storage)

        for passed in count():
            await store(storage, OLD)
            await server.fill()
            met = await interrupted(server, loss, sweep(storage), passed)
            storage = await repeated(server, process, storage, drop)
            await server.heal()
            assert await held_by(storage, VALUES) == whole([OTHER], {2: a_position()})
            await server.make_room()
            if not met:
                break

    @every_loss
    async def test_a_forgetting_may_come_late(self, server: SlotsServer, storage: Storage, loss: Trouble) -> None:
        """The class is then without a position, whoever has given it one since: it costs time only."""
        assert await interrupted(server, loss, storage.forget([1]))
        await storage.forget([1])
        assert (await storage.look([1, 2])).positions == {2: a_position()}
        await store(storage, OLD)
        await server.heal()
        late = {} if loss in LATE else {1: a_position()}
        assert (await storage.look([1, 2])).positions == {2: a_position(), **late}

    @every_write
    async def test_nothing_is_written_while_a_removal_may_still_happen(
        self, server: SlotsServer, process: Process, storage: Storage, operation: Operation
    ) -> None:
        """After `RemovalUnknownError` only a re-claim helps, which cuts the connection that the removal is on."""
        await storage.forget([1])
        for passed in count():
            server.trouble(Trouble.POSTPONED, passed)
            try:
                assert not await storage.clear(1, 10)
            except RemovalUnknownError:
                break
            except StorageUnavailableError:
                await server.heal()
        server.calm()
        with pytest.raises(RemovalUnknownError):
            await operation(storage, await storage.look([1], [6]))
        storage = (await process.holds()).storage
        await clear(storage)
        await store(storage, NEW)
        await server.heal()
        assert await held_by(storage, VALUES) == whole([NEW, OTHER], AT)

    async def test_no_removal_in_steps_while_a_commit_may_still_happen(
        self, server: SlotsServer, storage: Storage
    ) -> None:
        """A late commit between the steps would lose the value that it puts.

        1. A commit of another put of the value gets no answer. 2. A look still sees the old, expired put. 3. The
        database is full, so the old put is to be removed in steps. 4. The commit arrives, as nothing was written yet,
        and supersedes the old put. 5. The next step removes the value, and with it the new put.
        """
        snapshot = await storage.look([1], [6])
        assert await interrupted(server, Trouble.POSTPONED, storage.commit(snapshot, CHANGE))
        await server.fill()
        with pytest.raises(RemovalUnknownError):
            await sweep(storage)
        await server.make_room()
        await server.heal()
        assert await held_by(storage, VALUES) == CHANGED

    async def test_a_write_settles_what_an_earlier_commit_left_in_doubt(
        self, server: SlotsServer, storage: Storage
    ) -> None:
        """The view was written since, so the lost commit cannot happen any more, and removing in steps is safe."""
        snapshot = await storage.look([1], [6])
        assert await interrupted(server, Trouble.POSTPONED, storage.commit(snapshot, CHANGE))
        await storage.commit(await storage.look([2]), Change(positions=AT))
        await server.fill()
        await sweep(storage)
        await server.make_room()
        await server.heal()
        assert await held_by(storage, VALUES) == whole([OTHER], AT)


async def sweep(storage: Storage) -> None:
    """Remove what is old and can be found by its hint, as the sweeper does."""
    expired = await storage.expired([1], NOW_MS, 10)
    await storage.remove(await storage.look([1], expired), [OLD.key])


async def clear(storage: Storage) -> None:
    """Clear class 1."""
    while not await storage.clear(1, 2):
        pass


async def repeated(
    server: SlotsServer, process: Process, storage: Storage, operation: Callable[[Storage], Coroutine[None, None, None]]
) -> Storage:
    """Do `operation` again, by a new claim if this one may not write any more; return the storage that did it."""
    try:
        await operation(storage)
    except RemovalUnknownError:
        await server.make_room()
        storage = (await process.holds()).storage
        await operation(storage)
    return storage
