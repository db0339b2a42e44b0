"""The laws of the fold: what makes the journal a source of truth, whoever reads it, in whichever pieces, and whenever.

Broken rules must be found out as well: where a law rests on a rule of design 6, its test has a twin that breaks the
rule and finds a counter-example.
"""

from hypothesis import find, given
from hypothesis import strategies as st

from factorsvc.domain.fold import fold
from factorsvc.domain.record import Entry, Present, Put, PutKey
from tests.builders import a_tombstone, an_entry
from tests.properties.journals import (
    SEARCH,
    THOROUGHLY,
    History,
    histories,
    is_in_time,
    key_of,
    last_words,
    logs,
    states,
)


def deaths(log: list[Entry]) -> list[PutKey]:
    """The puts that died of a record, in that order, said without a fold.

    A void one died where it stands. Another one dies of the next put in time of its value, unless it is buried by then.
    """
    died: dict[int, PutKey] = {}
    for place, entry in enumerate(log):
        if isinstance(entry.record, Put) and not is_in_time(entry):
            died[place] = key_of(entry)
        elif isinstance(entry.record, Put):
            for later_place, later in enumerate(log[place + 1 :], place + 1):
                if later.record == a_tombstone(entry.record):
                    break
                if later.record.value == entry.record.value and is_in_time(later):
                    died[later_place] = key_of(entry)
                    break
    return [died[place] for place in sorted(died)]


@given(logs())
def test_the_state_of_a_value_is_its_last_put_in_time_unless_that_is_buried(log: list[Entry]) -> None:
    """The fold gives what design 6 says a state is."""
    assert states({}, log) == last_words(log)


@given(logs())
def test_each_put_dies_once_and_is_reported_in_the_order_of_death(log: list[Entry]) -> None:
    """Rule 1 needs the order, and whoever buries needs every dead put: superseded or void, and no other."""
    died = fold({}, log).died

    assert list(died) == deaths(log)
    assert len(set(died)) == len(died)


@given(logs(), st.data())
def test_folding_two_runs_is_folding_one_after_the_other(log: list[Entry], data: st.DataObject) -> None:
    """So it does not matter in which pieces a view reads the journal."""
    cut = data.draw(st.integers(0, len(log)))
    midway = states({}, log[:cut])

    assert states(midway, log[cut:]) == states({}, log)
    assert fold({}, log[:cut]).died + fold(midway, log[cut:]).died == fold({}, log).died


@given(logs(), st.data())
def test_changed_are_exactly_the_values_with_another_state(log: list[Entry], data: st.DataObject) -> None:
    """What is written to a view is what has changed, and nothing else is."""
    cut = data.draw(st.integers(0, len(log)))
    before, after = states({}, log[:cut]), states({}, log)

    assert fold(before, log[cut:]).changed == {
        value: after.get(value) for value in before.keys() | after.keys() if before.get(value) != after.get(value)
    }


@given(logs())
def test_a_void_put_never_counts(log: list[Entry]) -> None:
    """P8: a log with puts that landed too late means what it means without them. They are only to be buried."""
    in_time = [entry for entry in log if not isinstance(entry.record, Put) or is_in_time(entry)]
    void = {key_of(entry) for entry in log if entry not in in_time}

    assert states({}, log) == states({}, in_time)
    assert tuple(key for key in fold({}, log).died if key not in void) == fold({}, in_time).died


@given(logs())
def test_death_is_permanent(log: list[Entry]) -> None:
    """Whatever others say and whoever is buried: a put that was superseded, void or removed is never a state again."""
    dead: set[PutKey] = set()
    presents: dict[int, Present] = {}
    for entry in log:
        before = {present.key for present in presents.values()}
        dead.update(fold(presents, [entry]).died)
        presents = states(presents, [entry])
        after = {present.key for present in presents.values()}
        dead |= before - after
        assert not dead & after


@given(logs(), st.data())
def test_a_tombstone_of_a_put_that_is_not_present_changes_nothing(log: list[Entry], data: st.DataObject) -> None:
    """However late it comes and however often, wherever it lands: nobody has to coordinate burials."""
    place = data.draw(st.integers(0, len(log)))
    present = {state.key for state in states({}, log[:place]).values()}
    dead = [key_of(entry) for entry in log[:place] if key_of(entry) not in present]
    key = data.draw(st.sampled_from([*dead, PutKey(2, b"never landed")]))

    assert fold({}, [*log[:place], an_entry(a_tombstone(key)), *log[place:]]) == fold({}, log)


@THOROUGHLY
@given(histories())
def test_what_compaction_leaves_of_the_journal_says_what_the_whole_said(history: History) -> None:
    """P4: whoever rebuilds a view, whenever, from whatever compaction has left, gets what was appended."""
    assert [reading.rebuilt for reading in history.readings] == [reading.truth for reading in history.readings]


def test_it_would_not_if_puts_were_buried_out_of_order() -> None:
    """Rule 1: of put 1, put 2 and the tombstone of put 2 compaction leaves put 1 and the tombstone: put 1 is back."""

    def something_is_back(history: History) -> bool:
        return any(reading.rebuilt != reading.truth for reading in history.readings)

    assert something_is_back(find(histories(in_order=False), something_is_back, settings=SEARCH))


@THOROUGHLY
@given(histories())
def test_a_view_that_reads_on_says_what_the_whole_journal_says(history: History) -> None:
    """P4: so does a view that has read a part before, wherever it stands and whatever was compacted behind its back."""
    assert [reading.read_on for reading in history.readings] == [reading.truth for reading in history.readings]


def test_it_would_not_if_a_tombstone_were_dropped_that_it_has_not_read() -> None:
    """Rule 2: it has put 1, whose tombstone comes and goes before it reads on: it keeps put 1. It was too old."""

    def something_stays(history: History) -> bool:
        return any(reading.read_on != reading.truth for reading in history.readings)

    assert something_stays(find(histories(only_read=False), something_stays, settings=SEARCH))
