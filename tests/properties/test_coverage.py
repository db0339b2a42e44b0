"""The laws of coverage: under any refusals, silences and lapses every class is asked for until it is answered."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from factorsvc.domain.coverage import RETRY_S, SILENCE_S, Coverage
from factorsvc.domain.question import Answered, RefusalReason
from tests.builders import a_page, a_refusal, an_answer

CLASSES = range(4)
SLOTS = range(3)
classes = st.sampled_from(CLASSES)
slots = st.sampled_from(SLOTS)
servers = st.fixed_dictionaries({}, optional={class_id: st.permutations(SLOTS) for class_id in CLASSES})


class Round(RuleBasedStateMachine):
    """One round in a cluster where anything may happen, and a model of what is known of each class."""

    def __init__(self) -> None:
        super().__init__()
        self.coverage = Coverage(CLASSES)
        self.now = 1_000.0
        self.servers: dict[int, list[int]] = {}
        self.open: dict[int, tuple[int, float]] = {}
        """Open question of a class: to whom, and when."""
        self.refused: dict[tuple[int, int], float] = {}
        """When a slot last refused a class, or counted as having done so."""
        self.answers: dict[int, tuple[int, Answered]] = {}

    def refuse(self, class_id: int, slot: int) -> None:
        """What counts as a refusal of an unanswered class."""
        self.refused[slot, class_id] = self.now
        if class_id in self.open and self.open[class_id][0] == slot:
            del self.open[class_id]

    def give_up(self, *, on: set[int]) -> None:
        """Count open questions to some slots as refused."""
        for class_id, (slot, _) in list(self.open.items()):
            if slot in on:
                self.refuse(class_id, slot)

    def choice(self, class_id: int) -> int | None:
        """Whom to ask for an owed class now: the best who never refused it, else the best who did so a while ago."""
        servers = self.servers.get(class_id, [])
        fresh = [slot for slot in servers if (slot, class_id) not in self.refused]
        rested = [
            slot
            for slot in servers
            if (slot, class_id) in self.refused and self.now - self.refused[slot, class_id] >= RETRY_S
        ]
        return next(iter(fresh + rested), None)

    @rule(seconds=st.sampled_from([0.0625, 0.125, 0.25, 0.5, 1.0]))
    def time_passes(self, seconds: float) -> None:
        """Some."""
        self.now += seconds

    @rule(servers=servers)
    def the_map_changes(self, servers: dict[int, list[int]]) -> None:
        """Other slots serve the classes, or none does."""
        self.servers = servers

    @rule()
    def ask(self) -> None:
        """Ask for all that is owed, each of whom the model says, and nothing else."""
        owed = set(CLASSES) - self.answers.keys() - self.open.keys()
        plan = self.coverage.plan(self.servers, self.now)

        planned = [(class_id, slot) for slot, asked in plan.items() for class_id in asked]
        assert dict(planned) == {class_id: slot for class_id in owed if (slot := self.choice(class_id)) is not None}
        assert len(planned) == len(dict(planned)), "no class is asked of two slots at once"
        for slot, asked in plan.items():
            self.coverage.asked(slot, asked, self.now)
            self.open |= dict.fromkeys(asked, (slot, self.now))

    @rule(slot=slots, class_id=classes, values=st.sets(st.integers(1, 9)))
    def answer(self, slot: int, class_id: int, values: set[int]) -> None:
        """Some slot answers for some class, asked or not, in time or late, for the first time or again."""
        part = an_answer(class_id, a_page(*values))
        self.coverage.take(slot, part, self.now)
        self.answers.setdefault(class_id, (slot, part))
        self.open.pop(class_id, None)

    @rule(slot=slots, class_id=classes, reason=st.sampled_from(RefusalReason))
    def a_slot_refuses(self, slot: int, class_id: int, reason: RefusalReason) -> None:
        """Some slot refuses some class, asked or not."""
        self.coverage.take(slot, a_refusal(class_id, reason), self.now)
        if class_id not in self.answers:
            self.refuse(class_id, slot)

    @rule(lost=st.sets(slots))
    def slots_are_lost(self, lost: set[int]) -> None:
        """Statuses lapse, or a mailbox has a gap."""
        self.coverage.lost(lost, self.now)
        self.give_up(on=lost)

    @rule()
    def silence_is_noticed(self) -> None:
        """Whoever said nothing for too long counts as having refused."""
        self.coverage.silent(self.now)
        for class_id, (slot, at) in list(self.open.items()):
            if self.now - at >= SILENCE_S:
                self.refuse(class_id, slot)

    @invariant()
    def every_class_is_answered_or_missing(self) -> None:
        """P5: none is lost, and the first answer counts."""
        assert self.coverage.answers == self.answers
        assert self.coverage.missing == set(CLASSES) - self.answers.keys()
        assert {class_id for class_id in CLASSES if self.coverage.is_asked(class_id)} == self.open.keys()

    def teardown(self) -> None:
        """Once each class is served by somebody who answers, each is answered within one silence and one retry."""
        willing = {class_id: [class_id % len(SLOTS)] for class_id in CLASSES}
        for wait_s in (0, SILENCE_S, RETRY_S):
            self.now += wait_s
            self.coverage.silent(self.now)
            for slot, asked in self.coverage.plan(willing, self.now).items():
                self.coverage.asked(slot, asked, self.now)
                for class_id in asked:
                    self.coverage.take(slot, an_answer(class_id), self.now)
        assert self.coverage.missing == set()


TestRound = Round.TestCase
