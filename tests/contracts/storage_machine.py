"""Any sequence of writes, losses and wipes leaves a `Storage` with what four dicts say. Bound by a subclass."""

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from factorsvc.domain.errors import RemovalUnknownError, StorageConflictError, StorageFullError, StorageUnavailableError
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.record import Present
from factorsvc.domain.restoration import Position
from factorsvc.domain.value import class_of
from tests.builders import a_position, a_present, a_put_id
from tests.contracts.slots_server import (
    CLASSES,
    SlotsServer,
    Trouble,
    held_by,
    step,
    whole,
)

T = TypeVar("T")

VALUES = range(1, 31)
TIMES = [10, 20, 30]

values = st.lists(st.sampled_from(VALUES), unique=True, max_size=6)
classes = st.sampled_from(range(CLASSES))
some_classes = st.lists(classes, unique=True, max_size=3)
states = st.dictionaries(
    st.sampled_from(VALUES),
    st.one_of(
        st.none(),
        st.builds(lambda at: (at,), st.sampled_from([None, *TIMES])),
    ),
    max_size=6,
)


class StorageMachine(RuleBasedStateMachine):
    """The model: what a view holds, as four dicts, and one commit that may still come."""

    forgetting_ends_looks = False
    """Also one that finds nothing to forget."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.presents: dict[int, Present] = {}
        self.positions: dict[int, Position] = {}
        self.loading: dict[int, bytes] = {}
        self.is_full = False
        self.in_doubt = False
        """A commit got no answer, and no transaction has had one since."""
        self.writes = 0
        """Grows with every write to the view."""
        self.late: tuple[int, Change] | None = None
        """A commit that was postponed, and the writes that there had been when it looked."""

    @abstractmethod
    def make_server(self) -> SlotsServer:
        """Return a server of its own, on the running loop."""

    def run(self, coro: Coroutine[None, None, T]) -> T:
        return self.runner.run(coro)

    async def started(self) -> None:
        self.server = self.make_server()
        self.process = self.server.process()
        self.storage = (await self.process.holds()).storage

    @initialize()
    def start(self) -> None:
        self.run(self.started())

    def teardown(self) -> None:
        try:
            self.shows_all()
        finally:
            self.runner.close()

    def apply(self, change: Change) -> None:
        """Do to the model what a commit does to the view."""
        for value, present in change.presents.items():
            self.presents.pop(value, None)
            if present is not None:
                self.presents[value] = present
        for class_id, position in change.positions.items():
            self.positions[class_id] = position
            self.loading.pop(class_id, None)
        self.writes += 1
        self.in_doubt = False

    def change_of(self, wanted: dict[int, tuple[int | None] | None], positioned: list[int]) -> Change:
        """A change with new puts, and new positions."""
        presents = {
            value: None if state is None else a_present(value, expires_at_ms=state[0])
            for value, state in wanted.items()
        }
        return Change(presents=presents, positions={each: a_position(next_offset=self.writes) for each in positioned})

    @rule(wanted=states, positioned=some_classes)
    def commit(self, wanted: dict[int, tuple[int | None] | None], positioned: list[int]) -> None:
        async def commit() -> None:
            await self.storage.commit(await self.storage.look(range(CLASSES), wanted), change)

        change = self.change_of(wanted, positioned)
        if self.is_full:
            with pytest.raises(StorageFullError):
                self.run(commit())
        else:
            self.run(commit())
            self.apply(change)

    @precondition(lambda self: not self.is_full)
    @rule(class_id=classes)
    def begin_a_load(self, class_id: int) -> None:
        async def begin() -> None:
            await self.storage.commit(await self.storage.look([class_id]), Change(loading={class_id: b"load"}))

        self.run(begin())
        self.positions.pop(class_id, None)
        self.loading[class_id] = b"load"
        self.writes += 1

    @precondition(lambda self: not self.is_full)
    @rule(wanted=states, positioned=some_classes, forgotten=some_classes, looks_again=st.booleans())
    def commit_on_an_older_look(
        self,
        wanted: dict[int, tuple[int | None] | None],
        positioned: list[int],
        forgotten: list[int],
        looks_again: bool,
    ) -> None:
        async def commit() -> None:
            snapshot = await self.storage.look(range(CLASSES), wanted)
            await self.storage.forget(forgotten)
            if looks_again:
                await self.storage.look([])
            await self.storage.commit(snapshot, change)

        change = self.change_of(wanted, positioned)
        writes = self.writes
        self.forgot(forgotten)
        if self.writes > writes or looks_again or (self.forgetting_ends_looks and forgotten):
            with pytest.raises(StorageConflictError):
                self.run(commit())
        else:
            self.run(commit())
            self.apply(change)

    def forgot(self, forgotten: list[int]) -> None:
        """Do to the model what `forget` does to the view."""
        for class_id in forgotten:
            if self.positions.pop(class_id, None) or self.loading.pop(class_id, None):
                self.writes += 1

    @precondition(lambda self: not self.is_full and self.late is None)
    @rule(
        wanted=states,
        positioned=some_classes,
        loss=st.sampled_from([Trouble.REQUEST_LOST, Trouble.ANSWER_LOST, Trouble.POSTPONED]),
    )
    def commit_without_an_answer(
        self, wanted: dict[int, tuple[int | None] | None], positioned: list[int], loss: Trouble
    ) -> None:
        async def commit() -> None:
            snapshot = await self.storage.look(range(CLASSES), wanted)
            self.server.trouble(loss)
            with pytest.raises(StorageUnavailableError):
                await self.storage.commit(snapshot, change)

        change = self.change_of(wanted, positioned)
        self.run(commit())
        if loss is Trouble.ANSWER_LOST:
            self.apply(change)
        elif loss is Trouble.POSTPONED:
            self.late = self.writes, change
        self.in_doubt = True

    @precondition(lambda self: self.late is not None)
    @rule()
    def the_late_commit_comes(self) -> None:
        self.run(self.server.heal())
        assert self.late is not None
        writes, change = self.late
        self.late = None
        if writes == self.writes and not self.is_full:
            self.apply(change)
            self.in_doubt = True  # nobody was told

    @rule(named=values, wrongly=values)
    def remove(self, named: list[int], wrongly: list[int]) -> None:
        async def remove() -> None:
            keys = [present.key for value, present in self.presents.items() if value in named]
            keys += [
                present.key._replace(put_id=a_put_id()) for value, present in self.presents.items() if value in wrongly
            ]
            await self.storage.remove(await self.storage.look([], [*named, *wrongly]), keys)

        try:
            self.run(remove())
        except RemovalUnknownError:
            assert self.is_full
            assert self.in_doubt, "refused only as long as a commit may still come"
            return
        for value in named:
            self.presents.pop(value, None)
        if not self.is_full:
            self.writes += 1
            self.in_doubt = False

    @rule(forgotten=some_classes)
    def forget(self, forgotten: list[int]) -> None:
        self.run(self.storage.forget(forgotten))
        self.forgot(forgotten)

    @rule(class_id=classes, limit=st.integers(1, 10))
    def forget_and_clear(self, class_id: int, limit: int) -> None:
        async def clear() -> None:
            await self.storage.forget([class_id])
            while not await self.storage.clear(class_id, limit):
                pass

        self.run(clear())
        self.forgot([class_id])
        self.presents = {
            value: present for value, present in self.presents.items() if class_of(value, CLASSES) != class_id
        }

    @rule()
    def claim_again(self) -> None:
        async def claim() -> None:
            await self.server.make_room()
            self.storage = (await self.process.holds()).storage

        self.is_full = False
        self.run(claim())
        self.late = None
        self.run(self.server.heal())

    @rule()
    def wipe(self) -> None:
        self.run(self.server.wipe())
        self.presents.clear()
        self.positions.clear()
        self.loading.clear()
        self.writes += 1

    @rule()
    def fill(self) -> None:
        self.run(self.server.fill())
        self.is_full = True

    @rule()
    def make_room(self) -> None:
        self.run(self.server.make_room())
        self.is_full = False

    @rule(now_ms=st.sampled_from([9, 10, 11, 30]), prime=st.sampled_from([2, 3, 29]), class_id=classes)
    def read(self, now_ms: int, prime: int, class_id: int) -> None:
        found, cursor = self.run(step(self.storage, prime, class_id, now_ms))
        assert cursor is None
        assert sorted(found) == [
            value
            for value, present in sorted(self.presents.items())
            if value % prime == 0 and class_of(value, CLASSES) == class_id and not present.has_expired(now_ms)
        ]

    @rule(before_ms=st.sampled_from([10, 11, 21]))
    def expired(self, before_ms: int) -> None:
        times = [
            self.presents[value].expires_at_ms
            for value in self.run(self.storage.expired(range(CLASSES), before_ms, 100))
        ]
        every = [present.expires_at_ms for present in self.presents.values()]
        assert times == sorted(at for at in every if at is not None and at < before_ms)

    @rule()
    def shows_all(self) -> None:
        held = self.run(held_by(self.storage, VALUES))
        assert held == whole(self.presents.values(), self.positions)._replace(loading=self.loading)
