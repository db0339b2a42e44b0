"""The classes of one replica during one claim: where each stands, how far its view is, and what is to be done about it.

The placement says what this replica is to hold; custody moves each class through its life accordingly, and leaves two
lists of work for the one task that writes the view: classes in doubt, whose stored position must be looked at before
anything is applied, and garbage, which must be removed. Everything here is between two awaits: no half-made changes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from factorsvc.application.signal import Signal
from factorsvc.domain.applying import Verification
from factorsvc.domain.class_life import ANSWERING, ClassEvent, ClassLife, advance
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.placement import Assignment
from factorsvc.domain.restoration import Position


@dataclass(slots=True)
class HeldClass:
    """One class as this replica has it."""

    life: ClassLife = ClassLife.ABSENT
    events: int = 0
    """How many events its life has taken: what was begun for the class at another count is not what is wanted now."""
    position: Position | None = None
    """As last seen or stored; None while it is unknown or a cold load is under way."""
    target: int = 0
    """A restoring class serves once its view has reached this offset."""
    retiring_since: float = 0.0
    swept_ms: int = 0
    """Values that expired before this cluster time may be missing, although they were posted again in time.

    It outlives the class's stay here: what was read of the class before it left is judged after that.
    """


class ClassCustody:
    """What one replica holds. One task changes it (and the placement, through `follow`); all others look."""

    def __init__(self, slot: int, classes: int, found: Iterable[int] = ()) -> None:
        """Begin with nothing placed here; `found` are the classes of which the database holds a view already."""
        self.slot = slot
        self.classes = classes
        self._held = [HeldClass() for _ in range(classes)]
        self._found = frozenset(found)
        self.assignment: Assignment | None = None
        self.doubtful: set[int] = set()
        self.garbage: set[int] = set()
        self.verifications: Mapping[int, Verification] = {}
        self.values = 0
        self.full = False
        self.changed = Signal()
        """A life, the assignment or `full` has changed."""
        self.work = Signal()
        """There may be something to do for the task that writes the view."""
        self.advanced = Signal()
        """Some position has changed, or a class has left this replica."""

    def __getitem__(self, class_id: int) -> HeldClass:
        """The class as this replica has it. To be looked at only."""
        return self._held[class_id]

    def living(self, *lives: ClassLife) -> frozenset[int]:
        """The classes that are in one of `lives`."""
        return frozenset(class_id for class_id, held in enumerate(self._held) if held.life in lives)

    @property
    def answering(self) -> frozenset[int]:
        """The classes that this replica answers for."""
        return self.living(*ANSWERING)

    @property
    def unloaded(self) -> list[int]:
        """The classes that are placed here and have no view to go on with."""
        return [
            class_id
            for class_id, held in enumerate(self._held)
            if held.life is ClassLife.RESTORING and held.position is None and class_id not in self.doubtful
        ]

    @property
    def load_ids(self) -> dict[int, bytes]:
        """The load id of each class that has a position and is held."""
        return {c: held.position.load_id for c, held in enumerate(self._held) if held.position is not None}

    def member(self, epoch: int) -> Member:
        """What the placement is told of this replica."""
        return Member(
            self.slot,
            epoch,
            serving=self.living(ClassLife.SERVING),
            restoring=self.living(ClassLife.RESTORING),
            retiring=self.living(ClassLife.RETIRING) | self._found,
        )

    def lag(self, class_id: int) -> int:
        """How many offsets of the journal's last known end the view of a class has not reached."""
        position, verification = self._held[class_id].position, self.verifications.get(class_id)
        if position is None or verification is None:
            return 0
        return max(0, verification.end - position.next_offset)

    def follow(self, assignment: Assignment, now: float) -> None:
        """Take a new placement in: classes begin, end, or resume their lives here; unwanted views become garbage."""
        self.assignment = assignment
        for class_id, held in enumerate(self._held):
            placed = assignment.placement.get(class_id) == self.slot
            if placed and held.life in (ClassLife.ABSENT, ClassLife.RETIRING):
                self._advance(class_id, ClassEvent.PLACED)
            elif not placed and held.life in (ClassLife.RESTORING, ClassLife.SERVING):
                self._advance(class_id, ClassEvent.MOVED)
                held.retiring_since = now
        self.garbage |= {class_id for class_id in self._found if self._held[class_id].life is ClassLife.ABSENT}
        self._found = frozenset()
        self.changed.fire()
        self.work.fire()

    def doubt(self, classes: Collection[int]) -> None:
        """Have the stored positions of `classes`, as far as they have one, looked at before anything is applied."""
        self.doubtful |= {class_id for class_id in classes if self._held[class_id].position is not None}
        self.work.fire()

    def doubt_all(self) -> None:
        """Put every class that has a position in doubt."""
        self.doubt(range(self.classes))

    def resume(self, class_id: int, position: Position, target: int) -> None:
        """Go on with a view at `position`; a restoring class serves once `target` is reached. Moved away: nothing."""
        self.doubtful.discard(class_id)
        self._held[class_id].target = target
        self.store({class_id: position})

    def store(self, positions: Mapping[int, Position]) -> None:
        """Note that the database holds `positions` now; those of classes that moved away meanwhile are passed over."""
        for class_id, position in positions.items():
            held = self._held[class_id]
            if held.life is ClassLife.ABSENT:
                continue
            held.position = position
            if held.life is ClassLife.RESTORING and position.next_offset >= held.target:
                self._advance(class_id, ClassEvent.CAUGHT_UP)
        if positions:
            self.advanced.fire()

    def note_sweep(self, class_id: int, before_ms: int) -> None:
        """Note that values that expired before `before_ms` are removed though their next put may not be applied yet."""
        self._held[class_id].swept_ms = max(self._held[class_id].swept_ms, before_ms)

    def reject(self, class_id: int) -> None:
        """Note that the view of a class is worthless: from now on it is not answered for and must be made anew."""
        held = self._held[class_id]
        self.doubtful.discard(class_id)
        if held.life is not ClassLife.ABSENT:
            self._advance(class_id, ClassEvent.WORTHLESS)

    def succeed(self, class_id: int) -> None:
        """Note that a retiring class is not needed here any more."""
        self._advance(class_id, ClassEvent.SUCCEEDED)

    def set_full(self, full: bool) -> None:
        """Note whether the database takes no more writes."""
        if full != self.full:
            self.full = full
            self.changed.fire()

    def _advance(self, class_id: int, event: ClassEvent) -> None:
        held = self._held[class_id]
        was, held.life = held.life, advance(held.life, event)
        held.events += 1
        if held.life is ClassLife.ABSENT:
            held.position = None
            self.doubtful.discard(class_id)
            self.garbage.add(class_id)
        elif was is ClassLife.ABSENT:
            self.garbage.discard(class_id)
            self.doubtful.add(class_id)
        elif event is ClassEvent.WORTHLESS:
            held.position = None
        self.changed.fire()
        self.advanced.fire()
        self.work.fire()
