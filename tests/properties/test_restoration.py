"""The laws of a cold load: it is the fold of the whole log, and it leaves no dead put without a tombstone."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import find, given
from hypothesis import strategies as st

from factorsvc.domain.fold import fold
from factorsvc.domain.record import Batch, Entry, Present, Tombstone
from factorsvc.domain.restoration import ColdLoad
from tests.builders import NOW_MS
from tests.properties.journals import SEARCH, THOROUGHLY, History, histories, key_of, last_words, logs


@st.composite
def batches_of(draw: st.DrawFn, log: list[Entry]) -> list[Batch]:
    """A whole log, cut into batches anywhere, each of which may begin with what was read before."""
    end = log[-1].offset + 1 if log else 0
    cuts = draw(st.lists(st.integers(0, end), max_size=3).map(sorted))
    batches = []
    for begin, stop in pairwise([0, *cuts, end]):
        start = draw(st.integers(0, begin))
        entries = [entry for entry in log if start <= entry.offset < stop]
        batches.append(Batch(class_id=0, start=start, end=stop, entries=entries))
    return batches


def loaded(batches: list[Batch]) -> ColdLoad:
    """A cold load that has folded `batches`."""
    load = ColdLoad(class_id=0, load_id=b"load", started_at_ms=NOW_MS)
    assert all(load.fold(batch) for batch in batches)
    return load


def states_of(load: ColdLoad, size: int = 100) -> dict[int, Present]:
    """What a cold load would write."""
    presents = [present for chunk in load.chunks(size) for present in chunk]
    assert len({present.value for present in presents}) == len(presents)
    return {present.value: present for present in presents}


@given(st.data())
def test_a_cold_load_is_the_fold_of_the_whole_however_it_was_read(data: st.DataObject) -> None:
    """In pieces of any size, some of it twice, and written in chunks of any size."""
    log = data.draw(logs())
    load = loaded(data.draw(batches_of(log)))

    assert states_of(load, size=data.draw(st.integers(1, 3))) == last_words(log)
    assert load.next_offset == len(log)


@given(st.data())
def test_unburied_are_exactly_the_dead_without_a_tombstone_in_the_order_of_death(data: st.DataObject) -> None:
    """Rule 5: what the fold says has died, but for what a tombstone names already."""
    log = data.draw(logs())
    buried = {key_of(entry) for entry in log if isinstance(entry.record, Tombstone)}

    assert loaded(data.draw(batches_of(log))).unburied == tuple(key for key in fold({}, log).died if key not in buried)


@given(logs(), st.data())
def test_a_gap_is_noticed_and_changes_nothing(log: list[Entry], data: st.DataObject) -> None:
    """A batch that begins after the end of the one before it is refused; the right one is taken after all."""
    cut = data.draw(st.integers(0, len(log)))
    load = loaded([Batch(0, 0, cut, log[:cut])])
    before = (states_of(load), load.unburied, load.next_offset)
    start = data.draw(st.integers(cut + 1, len(log) + 1))

    assert not load.fold(Batch(0, start, len(log) + 1, log[start:]))
    assert (states_of(load), load.unburied, load.next_offset) == before
    assert load.fold(Batch(0, cut, len(log), log[cut:]))
    assert states_of(load) == last_words(log)


def load_of(history: History) -> ColdLoad:
    """A cold load of all that compaction has left."""
    return loaded([Batch(class_id=0, start=0, end=history.end, entries=history.left)])


@given(histories())
def test_a_cold_load_of_what_compaction_left_is_the_truth(history: History) -> None:
    """P4: after a wipe, or on another replica, nothing is lost and nothing comes back."""
    assert states_of(load_of(history)) == last_words(history.appended)


@THOROUGHLY
@given(histories())
def test_a_cold_load_buries_in_an_order_that_rule_1_allows(history: History) -> None:
    """Whoever crashed before, with puts dead and not buried."""
    for key in load_of(history).unburied:
        assert key in history.may_be_buried()
        history.bury(key)


def is_gone_once_expired(history: History, compactions: Iterable[tuple[int, int]]) -> bool:
    """Load, let the state expire and be buried; then tell whether the journal keeps saying that there is nothing."""
    for present in states_of(load_of(history)).values():
        history.bury(present.key)
    for clean_to, known_to in compactions:
        history.compact(clean_to, known_to)
    return states_of(load_of(history)) == {}


compactions = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=3)


@THOROUGHLY
@given(histories(), compactions)
def test_what_expires_after_a_cold_load_is_gone_for_good(history: History, then: list[tuple[int, int]]) -> None:
    """P6, rule 5: nothing that the load found dead comes back when what it found present goes."""
    for key in load_of(history).unburied:
        history.bury(key)

    assert is_gone_once_expired(history, then)


def test_it_would_come_back_if_the_load_did_not_bury() -> None:
    """Of put 1, put 2 and the tombstone of put 2, which expired, compaction leaves put 1 and the tombstone."""
    broken = st.tuples(histories(), compactions)

    def comes_back(example: tuple[History, list[tuple[int, int]]]) -> bool:
        return not is_gone_once_expired(*example)

    assert find(broken, comes_back, settings=SEARCH)
