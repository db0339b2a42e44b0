"""Applying what was read of the journal to a view: which part of it counts, what changes, and who must be buried first.

The *stored* position decides (design 6, rule 3): records below it were applied already, be it by a transaction whose
answer was lost; a batch that starts above it leaves a hole, as after a Redis that came back without its last second.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from factorsvc.domain.fold import fold
from factorsvc.domain.ports.storage import Change, Snapshot
from factorsvc.domain.record import Batch, Entry, PutKey
from factorsvc.domain.restoration import Position


class Applied(NamedTuple):
    """What to do for some batches: bury, then commit; and look again at the classes in doubt."""

    change: Change
    died: tuple[PutKey, ...]
    """To be buried, in this order, before the change is committed (design 6, rule 1)."""
    doubtful: frozenset[int]
    """Classes whose batch leaves a hole, or whose view is not the one that the batch was read for."""


class Verification(NamedTuple):
    """An end of the journal and the cluster time before it was asked for: who has reached it is verified as of then."""

    taken_ms: int
    end: int


def portions(batches: Sequence[Batch], limit: int) -> Iterator[list[Batch]]:
    """Cut `batches` into portions of at most `limit` entries each, in order; a batch without entries costs nothing.

    A transaction holds the server for each value in it, so the portion is what bounds that time.
    """
    portion: list[Batch] = []
    room = limit
    for batch in batches:
        start, rest = batch.start, batch.entries
        while len(rest) > room:
            end = rest[room].offset
            yield [*portion, Batch(batch.class_id, start, end, rest[:room])]
            portion, room, start, rest = [], limit, end, rest[room:]
        portion.append(Batch(batch.class_id, start, batch.end, rest))
        room -= len(rest)
    if portion:
        yield portion


def apply_batches(
    snapshot: Snapshot,
    batches: Sequence[Batch],
    load_ids: Mapping[int, bytes],
    verifications: Mapping[int, Verification],
) -> Applied:
    """Fold `batches`, at most one a class, onto `snapshot`, which must show their classes and values.

    `load_ids` says which view of each class the batches were read for, `verifications` what has been learnt of the
    journal's ends since.
    """
    entries: list[Entry] = []
    positions: dict[int, Position] = {}
    doubtful: set[int] = set()
    for batch in batches:
        position = snapshot.positions.get(batch.class_id)
        if position is None or position.load_id != load_ids.get(batch.class_id) or position.next_offset < batch.start:
            doubtful.add(batch.class_id)
        elif position.next_offset < batch.end:
            entries += [entry for entry in batch.entries if entry.offset >= position.next_offset]
            advanced = position._replace(next_offset=batch.end)
            positions[batch.class_id] = verified(advanced, verifications.get(batch.class_id))
    folded = fold(snapshot.presents, entries)
    return Applied(Change(presents=folded.changed, positions=positions), folded.died, frozenset(doubtful))


def verified(position: Position, verification: Verification | None) -> Position:
    """Return `position` with its time of verification set forward, if it has reached the end of `verification`."""
    if verification is None or position.next_offset < verification.end:
        return position
    return position._replace(verified_at_ms=max(position.verified_at_ms, verification.taken_ms))
