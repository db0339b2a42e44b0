"""The laws of the placement rule, against oracles that share nothing with it: a maximum flow, and trying everything."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise, product
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from factorsvc.domain.placement import Member, Placement, place
from factorsvc.domain.slot import SLOTS
from tests.builders import a_member

RANKS = ("serving", "restoring", "retiring")
"""How far a view of a class may be, best first."""

Room = dict[Hashable, dict[Hashable, int]]
"""How much may still flow from a node to another."""


def holdings(member: Member) -> dict[int, int]:
    """The classes that a member's view holds, each with its best rank."""
    return {
        class_id: rank
        for rank, classes in reversed(list(enumerate([member.serving, member.restoring, member.retiring])))
        for class_id in classes
    }


@st.composite
def clusters(draw: st.DrawFn, max_slots: int, max_classes: int) -> tuple[list[Member], int]:
    """Live members, one a slot, whose views hold anything of the cluster's classes; and how many classes there are."""
    classes = draw(st.integers(1, max_classes))
    slots = draw(st.sets(st.integers(0, SLOTS - 1), min_size=1, max_size=max_slots))
    view = st.dictionaries(st.integers(0, classes - 1), st.sampled_from(RANKS))
    return [member_of(slot, draw(view)) for slot in sorted(slots)], classes


def member_of(slot: int, view: dict[int, str], epoch: int = 1) -> Member:
    """A member whose view holds classes by rank."""
    by_rank = {rank: [class_id for class_id, its in view.items() if its == rank] for rank in RANKS}
    return a_member(
        slot, epoch, serving=by_rank["serving"], restoring=by_rank["restoring"], retiring=by_rank["retiring"]
    )


def moves_of(placement: Placement, members: Iterable[Member]) -> int:
    """How many classes a placement gives to a slot whose view does not hold them."""
    held = {member.slot: holdings(member) for member in members}
    return sum(class_id not in held[slot] for class_id, slot in placement.items())


def is_balanced(slots: Iterable[int], members: Sequence[Member]) -> bool:
    """Tell whether the members' numbers of classes differ by one at most, for classes placed on `slots`."""
    dealt = Counter({member.slot: 0 for member in members})
    dealt.update(slots)
    return dealt.keys() == {member.slot for member in members} and max(dealt.values()) - min(dealt.values()) <= 1


def most_that_can_stay(members: Sequence[Member], classes: int) -> int:
    """How many classes can stay where they are held while all slots get their share: a maximum flow, path by path.

    One unit flows from the source to each class, to a slot that holds it, and to the sink. A slot passes on as many as
    each is given at least, and one more through the pool, which passes on as many as are over.
    """
    share, over = divmod(classes, len(members))
    room: Room = defaultdict(lambda: defaultdict(int))
    room["pool"]["sink"] = over
    for member in members:
        room["slot", member.slot]["sink"] = share
        room["slot", member.slot]["pool"] = 1
        for class_id in holdings(member):
            room["source"]["class", class_id] = 1
            room["class", class_id]["slot", member.slot] = 1
    flow = 0
    while path := path_through(room, ["source"], {"source"}):
        for begin, end in pairwise(path):
            room[begin][end] -= 1
            room[end][begin] += 1
        flow += 1
    return flow


def path_through(
    room: dict[Hashable, dict[Hashable, int]], path: list[Hashable], seen: set[Hashable]
) -> list[Hashable]:
    """A path to the sink with room on all its way, empty if there is none. Depth first."""
    if path[-1] == "sink":
        return path
    for node, free in list(room[path[-1]].items()):
        if free and node not in seen:
            seen.add(node)
            if found := path_through(room, [*path, node], seen):
                return found
    return []


def expect_the_least_moves(placement: Placement, members: Sequence[Member], classes: int) -> None:
    """What the rule promises of every placement."""
    assert placement.keys() == set(range(classes))
    assert is_balanced(placement.values(), members)
    assert moves_of(placement, members) == classes - most_that_can_stay(members, classes)


@given(clusters(max_slots=5, max_classes=11))
def test_it_is_balanced_within_one_and_moves_no_class_more_than_that_takes(cluster: tuple[list[Member], int]) -> None:
    """P3, P7: whatever the views hold, also where several hold a class."""
    members, classes = cluster
    expect_the_least_moves(place(members, classes), members, classes)


@settings(phases=set(Phase) - {Phase.shrink})
@given(clusters(max_slots=SLOTS, max_classes=61))
def test_so_it_is_at_full_size(cluster: tuple[list[Member], int]) -> None:
    """The same with all slots and classes, where making a failure smaller would take minutes."""
    members, classes = cluster
    expect_the_least_moves(place(members, classes), members, classes)


@given(clusters(max_slots=3, max_classes=5))
def test_of_the_balanced_placements_it_is_one_with_the_least_moves_and_then_the_least_catching_up(
    cluster: tuple[list[Member], int],
) -> None:
    """Serving counts 0, restoring 1, retiring 2, in all; compared with every placement there is."""
    members, classes = cluster
    held = {member.slot: holdings(member) for member in members}

    def cost(slots: Sequence[int]) -> tuple[int, int]:
        ranks = [held[slot].get(class_id) for class_id, slot in enumerate(slots)]
        return ranks.count(None), sum(rank or 0 for rank in ranks)

    every = (slots for slots in product(held, repeat=classes) if is_balanced(slots, members))
    placement = place(members, classes)
    assert cost([placement[class_id] for class_id in range(classes)]) == min(map(cost, every))


@given(clusters(max_slots=6, max_classes=13), st.randoms())
def test_the_order_of_the_members_does_not_matter(cluster: tuple[list[Member], int], chance: Random) -> None:
    """Whoever leads the group decides the same, as often as it is asked."""
    members, classes = cluster
    shuffled = chance.sample(members, len(members))

    assert place(shuffled, classes) == place(members, classes)


@given(clusters(max_slots=6, max_classes=13), st.data())
def test_a_woken_zombie_changes_nothing(cluster: tuple[list[Member], int], data: st.DataObject) -> None:
    """P2: of one slot the largest epoch counts, wherever it stands; what the others say they hold does not."""
    members, classes = cluster
    alive = [member._replace(epoch=7) for member in members]
    zombies = [
        member_of(member.slot, data.draw(st.dictionaries(st.integers(0, classes - 1), st.sampled_from(RANKS))), epoch)
        for member in members
        for epoch in data.draw(st.lists(st.integers(1, 6), max_size=2))
    ]

    assert place(data.draw(st.permutations([*alive, *zombies])), classes) == place(alive, classes)


class Cluster(RuleBasedStateMachine):
    """Replicas join, leave, die, come back and catch up in any order; after each change the classes are placed anew."""

    CLASSES = 13

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0
        self.alive: dict[int, int] = {}
        self.views: dict[int, dict[int, str]] = {slot: {} for slot in range(SLOTS)}
        self.placement: Placement = {}

    @property
    def members(self) -> list[Member]:
        return [member_of(slot, self.views[slot], epoch) for slot, epoch in self.alive.items()]

    def rebalance(self) -> None:
        """Place the classes; who is given one restores it, who is not lets it go when somebody else serves it."""
        members = self.members
        self.placement = place(members, self.CLASSES)
        if members:
            expect_the_least_moves(self.placement, members, self.CLASSES)
        for class_id, assignee in self.placement.items():
            for slot in self.alive:
                if slot == assignee and self.views[slot].get(class_id) != "serving":
                    self.views[slot][class_id] = "restoring"
                elif slot != assignee and class_id in self.views[slot]:
                    self.views[slot][class_id] = "retiring"

    @rule(slot=st.integers(0, SLOTS - 1))
    def claim(self, slot: int) -> None:
        """A replica claims a slot, free or of one that was killed; it has opened nothing of the view it finds."""
        self.epoch += 1
        self.alive[slot] = self.epoch
        self.views[slot] = dict.fromkeys(self.views[slot], "retiring")
        self.rebalance()

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A replica leaves; its database keeps its view."""
        del self.alive[data.draw(st.sampled_from(sorted(self.alive)))]
        self.rebalance()

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def wipe(self, data: st.DataObject) -> None:
        """A replica's database is wiped, which it notices."""
        self.views[data.draw(st.sampled_from(sorted(self.alive)))] = {}
        self.rebalance()

    @rule()
    def catch_up(self) -> None:
        """What was restored is served, and what was retired is dropped."""
        for slot in self.alive:
            self.views[slot] = {class_id: "serving" for class_id, at in self.placement.items() if at == slot}

    @invariant()
    def everything_is_placed_once_somebody_lives(self) -> None:
        """Every class has one live slot."""
        assert self.placement.keys() == (set(range(self.CLASSES)) if self.alive else set())
        assert set(self.placement.values()) <= self.alive.keys()

    @invariant()
    def placing_again_moves_nothing(self) -> None:
        """P7: a rebalance without a change of members moves no class, whatever state their views are in."""
        assert place(self.members, self.CLASSES) == self.placement


TestCluster = Cluster.TestCase
TestCluster.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=20)
