"""Is there an order that explains all reads of one value? Wing and Gong's search, just in time (Lowe 2017).

The model is a register. Puts set it, an expiry clears it, reads look at it. A linearization gives each operation one
point between its start and its end, such that every read finds the state it tells of. The search walks through starts
and ends in their real order and keeps every *configuration* that explains all that has ended: the state, and which
of the operations under way have had their point. An operation gets its point as late as possible, namely when one that
ends needs it (that is complete: until then nobody could tell); except for reads, which change nothing and so get
theirs as soon as the state fits.

Two things keep the configurations few. They are told apart by what can still matter: of a put that has had its point
only its expiry. And one is dropped if another one in the same state can do all that it can: has used fewer
of the optional puts, and satisfied more of the reads.

What remains is the choice among optional puts, when many are under way for a long time (an outage): which of them has
been used up. Two searches that go wrong to one side only get around it nearly always: a narrow one, which keeps no more
than `WIDTH` configurations, and whose yes is a yes; and a generous one, in which an optional put may take effect again
and again, and whose no is a no.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import count
from typing import NamedTuple, TypeAlias

from tests.checker.history import Ranks
from tests.checker.timeline import Put, Read

State: TypeAlias = tuple[int, int] | None
"""When the present put fades and is gone; None if the value is absent."""


WIDTH = 100


class BudgetExceededError(Exception):
    """More comparisons than allowed: no verdict."""


def first_inexplicable(puts: Sequence[Put], reads: Sequence[Read], *, lenient: bool, budget: int) -> Read | None:
    """A read that no order explains together with all that end before it; None if an order explains all.

    `lenient`: while a put fades it may be seen or not, again and again, since replicas differ in their clocks; else
    the first read that does not see it is the last word. `budget` bounds the comparisons of configurations.

    Raises:
        BudgetExceededError: the search was given up.
    """
    narrow = Search(puts, reads, lenient=lenient, budget=budget, width=WIDTH)
    found = narrow.first_inexplicable()
    if found is None or not narrow.has_left_out:
        return found
    generous = Search(puts, reads, lenient=lenient, budget=budget, generous=True)
    return generous.first_inexplicable() or Search(puts, reads, lenient=lenient, budget=budget).first_inexplicable()


class Configuration(NamedTuple):
    """One way to explain the past. Bits stand for operations under way."""

    state: State
    done: int
    """Puts, not optional, that have had their point."""
    used: int
    """Optional puts that have had their point."""
    satisfied: int
    """Reads that have had their point."""

    def has(self, bit: int) -> bool:
        """Whether the operation with this bit has had its point."""
        return bool((self.done | self.used | self.satisfied) & bit)

    def without(self, bit: int) -> "Configuration":
        """The same, when that operation has ended."""
        return Configuration(self.state, self.done & ~bit, self.used & ~bit, self.satisfied & ~bit)


class Configurations:
    """A set of configurations without those that another one makes superfluous."""

    def __init__(self) -> None:
        self.comparisons = 0
        """How much work it was."""
        self._best: dict[tuple[State, int], list[tuple[int, int]]] = {}

    def __iter__(self) -> Iterator[Configuration]:
        for (state, done), rest in self._best.items():
            for used, satisfied in rest:
                yield Configuration(state, done, used, satisfied)

    def __bool__(self) -> bool:
        return bool(self._best)

    def add(self, new: Configuration) -> bool:
        """Add `new` unless it is superfluous; tell whether it was added."""
        rest = self._best.setdefault((new.state, new.done), [])
        self.comparisons += 1 + len(rest)
        for used, satisfied in rest:
            if not (used & ~new.used or new.satisfied & ~satisfied):
                return False
        rest[:] = [(u, s) for u, s in rest if new.used & ~u or s & ~new.satisfied]
        rest.append((new.used, new.satisfied))
        return True

    def narrowed(self, width: int | None) -> "Configurations":
        """Itself, or if it has more than `width` elements those of them that have used the fewest optional puts."""
        if width is None or sum(map(len, self._best.values())) <= width:
            return self
        narrow = Configurations()
        for one in sorted(self, key=lambda one: one.used.bit_count())[:width]:
            narrow.add(one)
        return narrow


class Search:
    """One search through one value's operations, for one use."""

    def __init__(
        self,
        puts: Iterable[Put],
        reads: Iterable[Read],
        *,
        lenient: bool,
        budget: int,
        width: int | None = None,
        generous: bool = False,
    ) -> None:
        self.has_left_out = False
        """Whether there were ever more configurations than `width`, so that only a yes counts."""
        self._lenient = lenient
        self._budget = budget
        self._width = width
        self._generous = generous
        self._agenda = sorted(_agenda(puts, reads), key=lambda entry: entry[:2])
        self._now = 0
        self._puts: dict[int, Put] = {}
        self._reads = {True: 0, False: 0}
        self._bits: dict[int, int] = {}
        self._possible = Configurations()
        self._possible.add(Configuration(None, 0, 0, 0))

    def first_inexplicable(self) -> Read | None:
        """The first read, by its end, that no order explains together with all before it; None if there is none.

        Raises:
            BudgetExceededError: the search was given up.
        """
        for rank, moment, operation in self._agenda:
            self._now = rank
            if moment is Moment.START:
                self._begin(operation)
            elif moment is Moment.END:
                self._conclude(operation)
                if isinstance(operation, Read) and not self._possible:
                    return operation
            else:
                self._refresh()
        return None

    def _begin(self, operation: Put | Read) -> None:
        if isinstance(operation, Read) and all(self._fits(operation, old.state) for old in self._possible):
            return  # it has its point, whatever has happened: most reads of most histories
        bit = next(bit for bit in (1 << place for place in count()) if bit not in self._bits.values())
        self._bits[operation.start] = bit
        if isinstance(operation, Put):
            self._puts[bit] = operation
            self._puts = dict(sorted(self._puts.items(), key=lambda item: item[1].end))
        else:
            self._reads[operation.present] |= bit
            self._refresh()

    def _conclude(self, operation: Put | Read) -> None:
        """Let an operation end."""
        bit = self._bits.pop(operation.start, None)
        if bit is None:
            return
        concluded = self._with_point(bit, or_without=isinstance(operation, Put) and operation.optional)
        self._possible = concluded.narrowed(self._width)
        self.has_left_out |= self._possible is not concluded
        if isinstance(operation, Put):
            del self._puts[bit]
        else:
            self._reads[operation.present] &= ~bit

    def _with_point(self, goal: int, *, or_without: bool) -> Configurations:
        """The configurations in which an operation has its point, after giving it one where that can be."""
        concluded, explored = Configurations(), Configurations()
        waiting = []
        for old in self._possible:
            if old.has(goal):
                concluded.add(old.without(goal))
                continue
            if or_without:
                concluded.add(old)
            explored.add(old)
            waiting.append((old, True))
        while waiting:
            if concluded.comparisons + explored.comparisons > self._budget:
                raise BudgetExceededError
            for new, has_gained in self._successors(*waiting.pop(), goal):
                if new.has(goal):
                    concluded.add(new.without(goal))
                elif explored.add(new):
                    waiting.append((new, has_gained))
        self._budget -= concluded.comparisons + explored.comparisons
        return concluded

    def _successors(self, old: Configuration, has_gained: bool, goal: int) -> Iterator[tuple[Configuration, bool]]:
        """What one more point, of a put or of an expiry, makes of a configuration, and whether that gains anything.

        A point gains if it satisfies reads, or if it is that of a put which is not optional. Left out is what leads
        nowhere: a put after a point that did not gain, since it hides that one; an optional put that cannot gain, not
        even by its expiry, unless it is the goal; and of optional puts that make the same state all but the one that
        ends first.
        """
        if old.state is not None and old.state[0] <= self._now and not self._lenient:
            new = self._in_state(None, old)
            yield new, new.satisfied != old.satisfied
        if not has_gained:
            return
        wanted = {present: bool(reads & ~old.satisfied) for present, reads in self._reads.items()}
        states = set[State]()
        for bit, put in self._puts.items():
            state = put.fades, put.gone
            if old.has(bit) or (put.optional and state in states):
                continue
            if put.optional and bit != goal and not (wanted[True] or (wanted[False] and put.fades <= self._now)):
                continue
            if put.optional:
                states.add(state)
                used = bit if bit == goal or not self._generous else 0
                new = self._in_state(state, old._replace(used=old.used | used))
            else:
                new = self._in_state(state, old._replace(done=old.done | bit))
            yield new, not put.optional or new.satisfied != old.satisfied

    def _refresh(self) -> None:
        """Let time pass: what has gone is gone, and reads under way that fit are satisfied."""
        refreshed = Configurations()
        for old in self._possible:
            refreshed.add(self._in_state(None if old.state is None or old.state[1] <= self._now else old.state, old))
        self._possible = refreshed

    def _in_state(self, state: State, old: Configuration) -> Configuration:
        fits = self._reads[state is not None]
        if self._is_either(state):
            fits |= self._reads[False]
        return Configuration(state, old.done, old.used, old.satisfied | fits)

    def _fits(self, read: Read, state: State) -> bool:
        return read.present is (state is not None) or self._is_either(state)

    def _is_either(self, state: State) -> bool:
        return self._lenient and state is not None and state[0] <= self._now


class Moment(IntEnum):
    """What can happen at one rank, in this order."""

    START = 0
    END = 1
    FADES = 2
    GONE = 3


def _agenda(puts: Iterable[Put], reads: Iterable[Read]) -> Iterator[tuple[int, Moment, Put | Read]]:
    for read in reads:
        yield read.start, Moment.START, read
        yield read.end, Moment.END, read
    for put in puts:
        yield put.start, Moment.START, put
        for rank, moment in ((put.end, Moment.END), (put.fades, Moment.FADES), (put.gone, Moment.GONE)):
            if rank < Ranks.NEVER:
                yield rank, moment, put
