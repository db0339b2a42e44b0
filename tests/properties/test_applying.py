"""The laws of applying: a view is the fold of the journal up to its stored position, whatever is offered to it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.domain.applying import apply_batches, portions
from factorsvc.domain.fold import fold
from factorsvc.domain.record import Batch, Entry, Present, PutKey
from tests.builders import a_batch, a_position, a_snapshot, an_entry
from tests.properties.journals import logs, states

offers = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(0, 6), st.sampled_from([b"load", b"load", b"another"])), min_size=3
)
"""Batches that are offered to a view: from how far before its position, how long, and for which view they were read."""


@st.composite
def batches_of_classes(draw: st.DrawFn) -> list[Batch]:
    """One batch of each of some classes, with holes where compaction was."""
    batches = []
    for class_id in draw(st.sets(st.integers(0, 60), max_size=4)):
        offsets = sorted(draw(st.sets(st.integers(0, 20), max_size=8)))
        start = draw(st.integers(0, offsets[0] if offsets else 20))
        end = draw(st.integers(offsets[-1] + 1 if offsets else start, 21))
        entries = [an_entry(offset=offset) for offset in offsets]
        batches.append(a_batch(entries, start=start, end=end, class_id=class_id))
    return batches


@given(batches_of_classes(), st.integers(1, 5))
def test_portions_are_the_batches_cut_anywhere_without_a_gap(batches: list[Batch], limit: int) -> None:
    """None is longer than the limit, none has two batches of a class, and none could have taken more."""
    cut = list(portions(batches, limit))

    assert all(0 < len(portion) == len({batch.class_id for batch in portion}) for portion in cut)
    assert all(sum(len(batch.entries) for batch in portion) == limit for portion in cut[:-1])
    assert all(sum(len(batch.entries) for batch in portion) <= limit for portion in cut[-1:])
    for batch in batches:
        pieces = [piece for portion in cut for piece in portion if piece.class_id == batch.class_id]
        assert [entry for piece in pieces for entry in piece.entries] == list(batch.entries)
        assert (pieces[0].start, pieces[-1].end) == (batch.start, batch.end)
        assert all(piece.end == following.start for piece, following in pairwise(pieces))
        assert all(piece.start <= entry.offset < piece.end for piece in pieces for entry in piece.entries)


@given(logs(), st.data())
def test_a_view_is_the_fold_up_to_its_position_and_each_death_is_reported_once(
    log: list[Entry], data: st.DataObject
) -> None:
    """Rule 3: batches come from anywhere, with holes before them or for the second time, and some are for another view.

    So an answer of a transaction may be lost: what is read again is not applied again.
    """
    presents: dict[int, Present] = {}
    position = a_position(next_offset=0)
    died: list[PutKey] = []
    for before, length, load_id in data.draw(offers):
        start = max(0, position.next_offset - before)
        end = min(start + length, len(log))
        batch = a_batch(log[start:end], start=start, end=max(start, end))
        applied = apply_batches(
            a_snapshot(positions={0: position}, presents=presents.values()), [batch], {0: load_id}, {}
        )
        is_for_this = load_id == position.load_id and start <= position.next_offset
        assert (0 in applied.doubtful) is not is_for_this
        if is_for_this:
            assert applied.change.positions.get(0, position).next_offset == max(position.next_offset, batch.end)
        presents = {
            value: present for value, present in {**presents, **applied.change.presents}.items() if present is not None
        }
        position = applied.change.positions.get(0, position)
        died += applied.died

        assert presents == states({}, log[: position.next_offset])
        assert tuple(died) == fold({}, log[: position.next_offset]).died
