"""Which classes of a round are answered, which are asked for, and which are owed (design 9). Pure; instants are given.

Safety does not rest on any of this: a part that answers a class holds all of it up to the read index, whoever sent it
and however often it was asked for. What is here makes sure that every class is asked for again until it is answered.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from factorsvc.domain.question import Answered, Part

SILENCE_S = 1.0
"""A slot that has not answered for this long counts as having refused."""
RETRY_S = 0.2
"""A slot that refused a class is not asked for it again sooner, so that a lone refuser is not asked without pause."""


class Asked(NamedTuple):
    """To whom the open question for a class went, and when."""

    slot: int
    at: float


@dataclass(slots=True)
class _Missing:
    """A class that is not answered yet: the open question, if there is one, and who refused it last, and when."""

    asked: Asked | None = None
    refused_at: dict[int, float] = field(default_factory=dict)

    def choose(self, slots: Sequence[int], now: float) -> int | None:
        if self.asked is not None:
            return None
        willing = [slot for slot in slots if now - self.refused_at.get(slot, -inf) >= RETRY_S]
        return min(willing, key=lambda slot: slot in self.refused_at, default=None)

    def refuse(self, slot: int, now: float) -> None:
        self.refused_at[slot] = now
        if self.asked is not None and self.asked.slot == slot:
            self.asked = None


class Coverage:
    """The state of one round: a set of classes, each owed, asked for, or answered."""

    def __init__(self, classes: Iterable[int]) -> None:
        """Begin with all of `classes` owed."""
        self._missing = {class_id: _Missing() for class_id in classes}
        self.answers: dict[int, tuple[int, Answered]] = {}
        """Answered classes: which slot answered, and what. The first part that answers a class counts."""

    @property
    def missing(self) -> frozenset[int]:
        """The classes that are not answered yet."""
        return frozenset(self._missing)

    def is_asked(self, class_id: int) -> bool:
        """Tell whether a question for `class_id` is open: asked, and neither answered nor refused yet."""
        return class_id in self._missing and self._missing[class_id].asked is not None

    def plan(self, servers: Mapping[int, Sequence[int]], now: float) -> dict[int, list[int]]:
        """Say which slot to ask for which owed classes, by `servers`: class -> slots that serve it, best first.

        Slots that never refused a class come before those that did a while ago. A class that nobody serves, or whose
        servers have all just refused it, stays owed.
        """
        plan: dict[int, list[int]] = {}
        for class_id, missing in self._missing.items():
            slot = missing.choose(servers.get(class_id, ()), now)
            if slot is not None:
                plan.setdefault(slot, []).append(class_id)
        return plan

    def asked(self, slot: int, classes: Iterable[int], at: float) -> None:
        """Note that `slot` was asked for `classes` at instant `at`; those answered meanwhile are passed over."""
        for class_id in self._missing.keys() & set(classes):
            self._missing[class_id].asked = Asked(slot, at)

    def take(self, slot: int, part: Part, now: float) -> None:
        """Take in a part of a frame of `slot`; one for a class that is answered already is dropped."""
        missing = self._missing.get(part.class_id)
        if missing is None:
            return
        if isinstance(part, Answered):
            self.answers[part.class_id] = (slot, part)
            del self._missing[part.class_id]
        else:
            missing.refuse(slot, now)

    def lost(self, slots: Collection[int], now: float) -> None:
        """Count the open questions to `slots` as refused: their statuses lapsed, or a mailbox had a gap."""
        for missing in self._missing.values():
            if missing.asked is not None and missing.asked.slot in slots:
                missing.refuse(missing.asked.slot, now)

    def silent(self, now: float) -> None:
        """Count the open questions that are older than `SILENCE_S` as refused. A late answer still counts."""
        for missing in self._missing.values():
            if missing.asked is not None and now - missing.asked.at >= SILENCE_S:
                missing.refuse(missing.asked.slot, now)
