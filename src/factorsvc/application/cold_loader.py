"""Loading classes from the journal's beginning, in steps each of which may be the last (design 6, rule 5).

A load clears what there is of the class, takes a random id, folds the journal in memory up to its end, buries the dead
that it met, writes the states in transactions that each require the id, and gives the class its position with the last
one. So a half-made load is never answered from: it has no position; and one that was wiped, or whose connection was
made anew so that acknowledged chunks may be lost (`Snapshot.session`), begins again.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from factorsvc.application.workspace import Workspace
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.ports.storage import Change, Snapshot
from factorsvc.domain.record import Batch
from factorsvc.domain.restoration import ColdLoad, Position, is_old

_LOAD_ID_BYTES = 12


@dataclass(slots=True)
class _Loading:
    """A load under way: its steps, and its fold while it reads."""

    steps: AsyncGenerator[None, None]
    events: int
    """`HeldClass.events` when it began."""
    fold: ColdLoad | None = None


class ColdLoader:
    """Loads the classes that have no view to go on with, a few at a time. Steps of the materializer's task."""

    def __init__(self, work: Workspace) -> None:
        """Load into the storage of `work`."""
        self._storage = work.storage
        self._journal = work.journal
        self._clock = work.clock
        self._custody = work.custody
        self._facts = work.facts
        self._policy = work.policy
        self._new_id = work.around.new_id
        self._loads: dict[int, _Loading] = {}

    @property
    def busy(self) -> bool:
        """Tell whether a step can be done now, without waiting for more of the journal."""
        return any(
            class_id not in self._loads or self._is_over(class_id) or self._loads[class_id].fold is None
            for class_id in self._wanted
        )

    def take(self, batch: Batch) -> None:
        """Fold what was read of a class that is being loaded; batches of a load that does not read are dropped."""
        load = self._loads.get(batch.class_id)
        if load is not None and load.fold is not None and not load.fold.fold(batch):
            self._journal.read_from(batch.class_id, load.fold.next_offset)

    async def step(self) -> None:
        """Take each load one step further; begin new ones while there is room, and give up those not wanted any more.

        Raises whatever the storage and the journal raise; the load that met it begins again at the next step.
        """
        for class_id in [class_id for class_id in self._loads if self._is_over(class_id)]:
            await self._give_up(class_id)
        for class_id in self._wanted:
            if class_id not in self._loads:
                self._loads[class_id] = _Loading(self._load(class_id), self._custody[class_id].events)
            try:
                await anext(self._loads[class_id].steps)
            except StopAsyncIteration:
                del self._loads[class_id]
            except BaseException:
                await self._give_up(class_id)
                raise

    @property
    def _wanted(self) -> list[int]:
        """The classes to load now: first those whose load was begun, as each of these is held in memory."""
        unloaded = sorted(self._custody.unloaded, key=lambda class_id: class_id not in self._loads)
        return unloaded[: self._policy.cold_loads]

    def _is_over(self, class_id: int) -> bool:
        """Tell whether a load that was begun has lost its class, also if that has come back meanwhile.

        In between the class was looked at, and the journal is read for it no more, so such a load would never end.
        """
        held = self._custody[class_id]
        return held.life is not ClassLife.RESTORING or held.events != self._loads[class_id].events

    async def _give_up(self, class_id: int) -> None:
        load = self._loads.pop(class_id)
        if load.fold is not None:  # else the journal may be read for a view that was opened since
            self._journal.stop_reading([class_id])
        await load.steps.aclose()

    async def _load(self, class_id: int) -> AsyncGenerator[None, None]:
        """The steps of one load; each `yield` is a place where other work of the materializer's task gets its turn.

        Returns early, so that the class is loaded again from the start, when the load is found wiped or too old.
        """
        await self._storage.forget([class_id])
        while not await self._storage.clear(class_id, self._policy.transaction_values):
            yield
        load = ColdLoad(class_id, self._new_id(_LOAD_ID_BYTES), self._clock.now_ms())
        snapshot = await self._storage.look([class_id])
        begun = Change(loading={class_id: load.load_id}, journal_id=self._facts.journal_id)
        await self._commit(snapshot, begun)
        session = snapshot.session
        end = await self._begin_reading(load)
        while load.next_offset < end:
            yield
        await self._end_reading(load)
        position = Position(load.load_id, load.next_offset, load.started_at_ms)
        chunks = list(load.chunks(self._policy.transaction_values)) or [[]]
        for number, chunk in enumerate(chunks, start=1):
            snapshot = await self._storage.look([class_id])
            if not self._is_whole(snapshot, load, session):
                return
            change = Change(
                presents={present.value: present for present in chunk},
                positions={class_id: position} if number == len(chunks) else {},
            )
            await self._commit(snapshot, change)
            yield
        ends = await self._journal.end_offsets()
        self._journal.read_from(class_id, load.next_offset)
        self._custody.resume(class_id, position, ends[class_id])

    async def _begin_reading(self, load: ColdLoad) -> int:
        """Have the class read from its beginning; return the end as of now, up to which it is to be folded."""
        end = (await self._journal.end_offsets())[load.class_id]
        self._loads[load.class_id].fold = load
        self._journal.read_from(load.class_id, 0)
        return end

    async def _end_reading(self, load: ColdLoad) -> None:
        """Have the class read no more, and bury the dead that were met, in the order of their death."""
        self._loads[load.class_id].fold = None
        self._journal.stop_reading([load.class_id])
        await self._journal.bury(load.unburied)

    async def _commit(self, snapshot: Snapshot, change: Change) -> None:
        await self._storage.commit(snapshot, change)
        self._custody.set_full(False)

    def _is_whole(self, snapshot: Snapshot, load: ColdLoad, session: int) -> bool:
        """Tell whether all that the load has written so far is still there, and may still be trusted."""
        return (
            snapshot.session == session
            and snapshot.loading.get(load.class_id) == load.load_id
            and not is_old(load.started_at_ms, self._clock.now_ms(), self._facts.retention_ms)
        )
