"""The laws of the map: whose word counts, for how long, and what follows from it."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from factorsvc.domain.cluster_map import LAPSE_S, ClusterMap
from factorsvc.domain.status import Status
from tests.builders import a_status

CLASSES = 4
SLOTS = range(3)
some_classes = st.frozensets(st.integers(0, CLASSES - 1))


@st.composite
def statuses(draw: st.DrawFn) -> Status:
    """What some replica may say of itself, of any of a few claims."""
    serving = draw(some_classes)
    return a_status(
        draw(st.sampled_from(SLOTS)),
        draw(st.integers(1, 3)),
        serving=serving,
        restoring=draw(some_classes) - serving,
        retiring=draw(some_classes) & serving,
        leaving=draw(st.booleans()),
        full=draw(st.booleans()),
    )


class Hearing(RuleBasedStateMachine):
    """Statuses of a few slots come in any order of epochs, or stop coming; the model remembers all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.map = ClusterMap(CLASSES)
        self.now = 1_000.0
        self.heard: list[tuple[Status, float]] = []
        """Every status that was believed when it was read."""
        self.reported: set[int] = set()
        """Slots that were reported as lapsed and not heard of since."""

    @property
    def counting(self) -> dict[int, Status]:
        """The last status of each slot that was believed, unless it has been reported as lapsed."""
        last = {status.slot: status for status, _ in self.heard}
        return {slot: last[slot] for slot in sorted(last) if slot not in self.reported}

    @rule(seconds=st.sampled_from([0.5, 1.0, LAPSE_S]))
    def time_passes(self, seconds: float) -> None:
        """Some."""
        self.now += seconds

    @rule(status=statuses())
    def hear(self, status: Status) -> None:
        """A status is believed unless a larger epoch of its slot was, which has not lapsed."""
        self.map.hear(status, self.now)
        if not any(
            rival.slot == status.slot and rival.epoch > status.epoch and self.now - read_at < LAPSE_S
            for rival, read_at in self.heard
        ):
            self.heard.append((status, self.now))
            self.reported.discard(status.slot)

    @rule()
    def lapse(self) -> None:
        """Who was not heard for too long is reported, once."""
        last = {status.slot: read_at for status, read_at in self.heard}
        silent = {slot for slot, read_at in last.items() if self.now - read_at >= LAPSE_S} - self.reported

        assert self.map.lapse(self.now) == silent
        self.reported |= silent

    @rule()
    def forget(self) -> None:
        """A gap: nobody is known any more, and the next word of each counts, whatever its epoch."""
        self.map.forget()
        self.heard.clear()
        self.reported.clear()

    @invariant()
    def one_status_of_each_slot_counts(self) -> None:
        """The last that was believed."""
        assert self.map.statuses == list(self.counting.values())

    @invariant()
    def servers_are_those_who_say_so_and_the_best_come_first(self) -> None:
        """Nobody who leaves comes before who stays, and of those nobody who retires the class before who keeps it."""
        for class_id in range(CLASSES):
            servers = self.map.servers_of(class_id)
            said = [self.counting[slot] for slot in servers]
            eagerness = [(status.leaving, class_id in status.retiring) for status in said]

            assert sorted(servers) == [slot for slot, status in self.counting.items() if class_id in status.serving]
            assert eagerness == sorted(eagerness)
            assert {slot for slot in SLOTS if self.map.serves(slot, class_id)} == set(servers)

    @invariant()
    def a_class_is_covered_by_whoever_serves_it_and_stays(self) -> None:
        """Whether or not somebody is left out of the count. To be ready it is enough to be served by somebody."""
        served = {class_id for status in self.counting.values() for class_id in status.serving}
        assert self.map.covers_all is (served == set(range(CLASSES)))
        for but in ([], [0], [1, 2], [0, 1, 2]):
            covering = [s for slot, s in self.counting.items() if slot not in but and not s.leaving]
            covered = {class_id for status in covering for class_id in status.serving}

            assert self.map.uncovered(but) == set(range(CLASSES)) - covered
        for slot in SLOTS:
            assert self.map.staying(slot) is any(s.slot != slot and not s.leaving for s in self.counting.values())

    @invariant()
    def full_are_those_who_say_so(self) -> None:
        """Leaving or not."""
        assert self.map.full == {slot for slot, status in self.counting.items() if status.full}


TestHearing = Hearing.TestCase
