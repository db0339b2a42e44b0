"""Journals of one class, as examples: any records at all, and what a cluster that keeps the rules of design 6 leaves.

A `History` keeps two logs: `appended`, all that was ever said, which is the truth, and `left`, what compaction has made
of it, which is all that a replica can read. Kafka's compaction is taken at its worst: at any time it cleans any part of
the log, with any part of it in mind, and forgets each tombstone as soon as it may.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from hypothesis import Phase, settings
from hypothesis import strategies as st

from factorsvc.domain.fold import fold
from factorsvc.domain.record import Entry, Present, Put, PutKey, Tombstone
from tests.builders import a_put, a_put_id, a_tombstone, a_void_entry, an_entry, present_of

THOROUGHLY = settings(max_examples=5 * settings().max_examples)
"""For laws of histories, of which a broken rule spoils about one in a hundred."""
SEARCH = settings(max_examples=5_000, database=None, derandomize=True, phases=[Phase.generate])
"""How a counter-example is looked for: the same search each time, which ends with the first one."""

VALUES = (2, 3)
"""What befalls one value touches no other: two show all of it, and a history has one."""


def key_of(entry: Entry) -> PutKey:
    """The key under which an entry stands in the journal."""
    return PutKey(entry.record.value, entry.record.put_id)


def is_in_time(entry: Entry) -> bool:
    """Tell whether an entry is a put that is not void."""
    return isinstance(entry.record, Put) and entry.append_time_ms <= entry.record.append_by_ms


def states(presents: Mapping[int, Present], entries: Iterable[Entry]) -> dict[int, Present]:
    """The values that have a state after `entries`, by the fold."""
    changed = fold(presents, entries).changed
    return {value: present for value, present in {**presents, **changed}.items() if present is not None}


def a_landed_put(value: int, offset: int, *, late: bool) -> Entry:
    """A put of its own at `offset`, void if it is late."""
    put = a_put(value, put_id=a_put_id(offset))
    return a_void_entry(put, offset=offset) if late else an_entry(put, offset=offset)


def last_words(log: list[Entry]) -> dict[int, Present]:
    """The state of each value by design 6, said without a fold: its last put in time, unless that is buried."""
    last = {entry.record.value: (place, entry.record) for place, entry in enumerate(log) if is_in_time(entry)}
    return {
        value: present_of(put)
        for value, (place, put) in last.items()
        if isinstance(put, Put) and not any(later.record == a_tombstone(put) for later in log[place:])
    }


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Any puts, void or not, and any tombstones of puts that came before, also where no replica would write one."""
    log: list[Entry] = []
    length: int = draw(st.integers(min_value=0, max_value=12))
    for offset in range(length):
        keys = [key_of(entry) for entry in log if isinstance(entry.record, Put)]
        tombstone, late = draw(st.booleans()), draw(st.booleans())
        if tombstone and keys:
            log.append(an_entry(a_tombstone(draw(st.sampled_from(keys))), offset=offset))
        else:
            log.append(a_landed_put(draw(st.sampled_from(VALUES)), offset, late=late))
    return log


class Reading(NamedTuple):
    """What can be known of the values at some time."""

    read_on: Mapping[int, Present]
    """By the view, if it reads on to the end now."""
    rebuilt: Mapping[int, Present]
    """By a view that is built now from all that is left of the journal."""
    truth: Mapping[int, Present]
    """By all that was ever said."""


class History:
    """What was said in one class, what is left of it, and a view that reads it now and then."""

    def __init__(self) -> None:
        self.appended: list[Entry] = []
        self.left: list[Entry] = []
        self.view: dict[int, Present] = {}
        self.next_offset = 0
        self.readings: list[Reading] = []

    def __repr__(self) -> str:
        return f"{self.appended}, left {[entry.offset for entry in self.left]}, last {self.readings[-1:]}"

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return len(self.appended)

    def append(self, entry: Entry) -> None:
        """Say it."""
        self.appended.append(entry)
        self.left.append(entry)

    def bury(self, key: PutKey) -> None:
        """Append a tombstone."""
        self.append(an_entry(a_tombstone(key), offset=self.end))

    def read_on(self) -> None:
        """Bring the view to the end."""
        self.view, self.next_offset = self.on_reading_on(), self.end

    def on_reading_on(self) -> dict[int, Present]:
        """What the view would be at the end."""
        return states(self.view, (entry for entry in self.left if entry.offset >= self.next_offset))

    def look(self) -> None:
        """Note what can be known now."""
        self.readings.append(Reading(self.on_reading_on(), states({}, self.left), last_words(self.appended)))

    def may_be_buried(self, *, in_order: bool = True) -> list[PutKey]:
        """The puts that a replica may write a tombstone for: void ones, and those in time in the order of their death.

        Of these the next is the first that has no tombstone, if only because it expired; those before it may get
        another one, from somebody who wakes up late. Without the order, any.
        """
        buried = {key_of(entry) for entry in self.appended if isinstance(entry.record, Tombstone)}
        keys, wait = [], False
        for entry in self.appended:
            if isinstance(entry.record, Put) and not (wait and is_in_time(entry)):
                keys.append(key_of(entry))
                wait |= in_order and is_in_time(entry) and key_of(entry) not in buried
        return keys

    def compact(self, clean_to: int, known_to: int) -> None:
        """Below `clean_to` forget what has a later record of its key below `known_to`."""
        last = {key_of(entry): entry.offset for entry in self.left if entry.offset < known_to}
        self.left = [
            entry for entry in self.left if entry.offset >= clean_to or last.get(key_of(entry), -1) <= entry.offset
        ]

    def tombstones_that_may_go(self, *, read: bool = True) -> list[Entry]:
        """The tombstones with nothing of their key before them; with `read` only those that the view has read."""
        first = {key_of(entry): entry for entry in reversed(self.left)}
        return [
            entry
            for entry in first.values()
            if isinstance(entry.record, Tombstone) and (not read or entry.offset < self.next_offset)
        ]


class Deed(Enum):
    """What may happen next."""

    READ_ON = auto()
    PUT = auto()
    PUT_LATE = auto()
    BURY = auto()
    COMPACT = auto()


deeds: st.SearchStrategy[list[Deed]] = st.lists(
    st.sampled_from([*Deed, Deed.PUT, Deed.BURY, Deed.BURY]), min_size=6, max_size=24
)
"""Long, and mostly of what counter-examples are made of: else few histories of a broken rule have one."""


@st.composite
def histories(draw: st.DrawFn, *, in_order: bool = True, only_read: bool = True) -> History:
    """A history of one value, looked at after each deed.

    Its puts are buried in the order of their death, and its view has read each tombstone before that is dropped.
    Without `in_order`, and without `only_read`, replicas and time do what rule 1 and rule 2 of design 6 forbid.
    """
    history = History()
    for deed in draw(deeds):
        match deed:
            case Deed.READ_ON:
                history.read_on()
            case Deed.PUT | Deed.PUT_LATE:
                history.append(a_landed_put(VALUES[0], history.end, late=deed is Deed.PUT_LATE))
            case Deed.BURY:
                if keys := history.may_be_buried(in_order=in_order):
                    history.bury(draw(st.just(keys[-1]) | st.sampled_from(keys)))
            case Deed.COMPACT:
                known_to = draw(st.just(history.end) | st.integers(0, history.end))
                history.compact(draw(st.just(known_to) | st.integers(0, known_to)), known_to)
                for tombstone in history.tombstones_that_may_go(read=only_read):
                    if draw(st.booleans()):
                        history.left.remove(tombstone)
        history.look()
    return history
