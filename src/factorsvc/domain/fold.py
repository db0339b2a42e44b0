"""The fold: what a sequence of journal records makes of the values of a class. The heart of the service (design 6).

The state of a value is its last put, in log order, that is not void. A put dies when it is void, when a later put of
its value that is not void supersedes it, or when its time has passed. Death is permanent, which is why a tombstone for
a dead put does no harm, whoever writes it and however late: nobody has to coordinate burials.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from factorsvc.domain.record import Entry, Present, Put, PutKey, Tombstone


class Step(NamedTuple):
    """One record folded: the value's new state, and the put that died of it, if one did."""

    present: Present | None
    died: PutKey | None


class Folded(NamedTuple):
    """A run of records folded onto the present puts of their values."""

    changed: Mapping[int, Present | None]
    """New state of each value that has another one than before; None: it has none any more."""
    died: tuple[PutKey, ...]
    """The puts that died, in the order of their death."""


def is_void(put: Put, append_time_ms: int) -> bool:
    """Tell whether `put` landed too late to count for anything.

    So a replica that freezes in the middle of a POST and wakes up an hour later changes nothing (P8).
    """
    return append_time_ms > put.append_by_ms


def fold_entry(present: Present | None, entry: Entry) -> Step:
    """Fold one record of a value onto its state."""
    record = entry.record
    if isinstance(record, Tombstone):
        removes = present is not None and present.put_id == record.put_id
        return Step(None if removes else present, None)
    if is_void(record, entry.append_time_ms):
        return Step(present, record.key)
    successor = Present(record.value, record.put_id, record.member, record.expires_at_ms)
    if present is None or present.put_id == record.put_id:
        return Step(successor, None)
    return Step(successor, present.key)


def fold(presents: Mapping[int, Present], entries: Iterable[Entry]) -> Folded:
    """Fold `entries`, in log order, onto `presents`, the states of at least all values they speak of that have one."""
    now: dict[int, Present | None] = {}
    died: list[PutKey] = []
    for entry in entries:
        value = entry.record.value
        before = now[value] if value in now else presents.get(value)
        step = fold_entry(before, entry)
        now[value] = step.present
        if step.died is not None:
            died.append(step.died)
    changed = {value: present for value, present in now.items() if present != presents.get(value)}
    return Folded(changed, tuple(died))
