"""What writes to a view are as commands. Nothing is sent here.

A state and a change know nothing of keys; here they are told apart by class and prime, and then put together by key, as
a few commands with many arguments cost the server, and us, far less than many commands.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.layout import (
    JOURNAL,
    WRITTEN,
    Layout,
    field_of,
    loading_text,
    position_text,
    present_text,
    score_of,
)
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.record import Present, PutKey
from factorsvc.domain.value import class_of, primes_of


class Removal(NamedTuple):
    """The steps of a removal outside a transaction, in an order in which what was begun is found again.

    States stand after the index, lest a member stay there of which nobody knows; hints stand last, as the sweeper
    would not come back for what has none.
    """

    members: list[Command]
    states: list[Command]
    hints: list[Command]


class Edits:
    """Makes the commands for one database."""

    def __init__(self, layout: Layout, classes: int) -> None:
        """Make them for values in `classes` classes."""
        self._layout = layout
        self._classes = classes

    def commit(self, before: Mapping[int, Present], change: Change) -> list[Command]:
        """All of `change`; `before` are the states of the changed values as its maker saw them."""
        new = [present for present in change.presents.values() if present is not None]
        kept = {present.member for present in new}
        old = [before[value] for value in change.presents if value in before and before[value].member not in kept]
        gone = [value for value, present in change.presents.items() if present is None]
        unhinted = [*gone, *(present.value for present in new if present.expires_at_ms is None)]
        return [
            self._view(change),
            *self._unindex(old),
            *self._drop_values(gone),
            *self._drop_hints(unhinted),
            *_by_key(
                "HSET", ((self._values(state.value), field_of(state.value), present_text(state)) for state in new)
            ),
            *_by_key("ZADD", ((key, score_of(state), state.member) for state in new for key in self._index(state))),
            *_by_key(
                "ZADD",
                (
                    (self._hints(state.value), state.expires_at_ms, field_of(state.value))
                    for state in new
                    if state.expires_at_ms is not None
                ),
            ),
        ]

    def touch(self) -> Command:
        """Write the view and change nothing that it says."""
        return self._view(Change())

    def removal(self, looked_at: Iterable[int], presents: Mapping[int, Present], keys: Collection[PutKey]) -> Removal:
        """Remove the values whose states are of `keys`, and of all that were looked at the hints without a state."""
        gone = [present for present in presents.values() if present.key in keys]
        unhinted = [value for value in looked_at if value not in presents]
        values = [present.value for present in gone]
        return Removal(self._unindex(gone), self._drop_values(values), self._drop_hints([*values, *unhinted]))

    def _view(self, change: Change) -> Command:
        """`HSET` counts as a write also where it changes nothing, and every transaction must be one."""
        fields = [WRITTEN, b""]
        if change.journal_id is not None:
            fields += [JOURNAL, change.journal_id]
        for class_id, position in change.positions.items():
            fields += [field_of(class_id), position_text(position)]
        for class_id, load_id in change.loading.items():
            fields += [field_of(class_id), loading_text(load_id)]
        return ["HSET", self._layout.view, *fields]

    def _unindex(self, presents: Iterable[Present]) -> list[Command]:
        return _by_key("ZREM", ((key, present.member) for present in presents for key in self._index(present)))

    def _drop_values(self, values: Iterable[int]) -> list[Command]:
        return _by_key("HDEL", ((self._values(value), field_of(value)) for value in values))

    def _drop_hints(self, values: Iterable[int]) -> list[Command]:
        return _by_key("ZREM", ((self._hints(value), field_of(value)) for value in values))

    def _values(self, value: int) -> bytes:
        return self._layout.values(class_of(value, self._classes))

    def _hints(self, value: int) -> bytes:
        return self._layout.hints(class_of(value, self._classes))

    def _index(self, present: Present) -> Iterator[bytes]:
        class_id = class_of(present.value, self._classes)
        return (self._layout.index(prime, class_id) for prime in primes_of(present.member))


def _by_key(name: str, parts: Iterable[tuple[bytes | int, ...]]) -> list[Command]:
    """One command `name` for each key, the first of each part, with the rest of all its parts for arguments."""
    commands: dict[bytes | int, list[str | bytes | int]] = {}
    for key, *arguments in parts:
        commands.setdefault(key, [name, key]).extend(arguments)
    return list(commands.values())
