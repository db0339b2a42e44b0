"""The broker's side of the placement: who is a member, and when the classes are dealt anew.

Like Kafka's classic group protocol: rebalances are eager. When somebody joins, leaves or falls silent, every member is
asked to join again with what its view holds now, and learns of that at its next heartbeat; whoever has not done so in
time is put out, and the rest get one placement under a new generation. So one frozen member holds a rebalance up, and
a member that was put out finds out when it wakes.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count
from typing import NamedTuple

from factorsvc.adapters.memory.bell import Bell
from factorsvc.domain.placement import Member, place
from factorsvc.domain.ports.placement import Assignment


class GroupTiming(NamedTuple):
    """The times of a group, in seconds, by the names that Kafka's consumers have for them."""

    session_timeout_s: float = 3.0
    """A member that is not heard of for this long is out."""
    heartbeat_s: float = 0.3
    """Between two heartbeats of a member; so long it may take until it hears of a rebalance."""
    rebalance_timeout_s: float = 1.0
    """How long a rebalance waits for members to join again."""


class Standing(Enum):
    """What a member hears of itself at a heartbeat."""

    OUT = auto()
    """The group does not know it (any more)."""
    ASKED = auto()
    """A rebalance is on, and it has not joined again."""
    WAITING = auto()
    """A rebalance is on, and others have not joined again."""
    PLACED = auto()


class Heard(NamedTuple):
    """The answer to a heartbeat."""

    standing: Standing
    assignment: Assignment
    """The latest there was."""
    sound: asyncio.Future[None]
    """Done at the next assignment."""


@dataclass(slots=True)
class _Membership:
    member: Member
    heard_at: float
    has_joined: bool = True
    """Has said what its view holds since the present rebalance began."""


class Coordinator:
    """The coordinator of the one group. Its methods are effects in the sense of `factorsvc.adapters.memory.link`.

    It has no timers: what is due is done when the next member is heard of, and without one nobody would notice.
    """

    def __init__(self, classes: int, timing: GroupTiming, now_s: Callable[[], float]) -> None:
        """Begin without members; `now_s` is a monotonic clock."""
        self.timing = timing
        self._classes = classes
        self._now_s = now_s
        self._memberships: dict[str, _Membership] = {}
        self._numbers = count(1)
        self._assignment = Assignment(0, {})
        self._gathers_until: float | None = None
        """When the rebalance that is on waits no longer; None: none is on."""
        self._bell = Bell()

    @property
    def members(self) -> list[Member]:
        """Whom the group counts as its members, by what they said last."""
        return [membership.member for membership in self._memberships.values()]

    def join(self, member_id: str | None, member: Member) -> str:
        """Let `member` in and return its id. Who is new puts its predecessors in its slot out.

        Only who is new: a predecessor that joins again would be put out again, and each time be the next rebalance.
        """
        self._settle()
        if member_id is None or member_id not in self._memberships:
            self._remove([known for known, old in self._memberships.items() if _precedes(old.member, member)])
            member_id = f"{member.slot}.{member.epoch}-{next(self._numbers)}"
        self._gather()
        self._memberships[member_id] = _Membership(member, self._now_s())
        self._settle()
        return member_id

    def heartbeat(self, member_id: str) -> Heard:
        """Note that the member lives and tell it where it stands."""
        self._settle()
        membership = self._memberships.get(member_id)
        if membership is None:
            standing = Standing.OUT
        else:
            membership.heard_at = self._now_s()
            standing = self._standing(membership)
        return Heard(standing, self._assignment, self._bell.next())

    def leave(self, member_id: str) -> None:
        """Put the member out, as it asks for."""
        if member_id in self._memberships:
            self._remove([member_id])
        self._settle()

    def put_out(self, slot: int) -> None:
        """Put the members of `slot` out as if they had not been heard of for a session. For tests."""
        self._remove([known for known, membership in self._memberships.items() if membership.member.slot == slot])
        self._settle()

    def restart(self, *, forgets: bool = False) -> None:
        """Start again: sessions run anew, and a rebalance that was on begins again.

        Kafka keeps the members in a log; a coordinator that `forgets` has lost it.
        """
        if forgets:
            self._memberships.clear()
            self._assignment, self._gathers_until = Assignment(0, {}), None
        for membership in self._memberships.values():
            membership.heard_at = self._now_s()
        if self._gathers_until is not None:
            self._gathers_until = None
            self._gather()

    def _standing(self, membership: _Membership) -> Standing:
        if self._gathers_until is None:
            return Standing.PLACED
        return Standing.WAITING if membership.has_joined else Standing.ASKED

    def _remove(self, member_ids: Sequence[str]) -> None:
        for member_id in member_ids:
            del self._memberships[member_id]
        if member_ids:
            self._gather()

    def _gather(self) -> None:
        """Begin a rebalance, unless one is on."""
        if self._gathers_until is None:
            self._gathers_until = self._now_s() + self.timing.rebalance_timeout_s
            for membership in self._memberships.values():
                membership.has_joined = False

    def _settle(self) -> None:
        """Do what is due: put out who is silent, and end the rebalance if all have joined or its time is over."""
        now = self._now_s()
        heard_after = now - self.timing.session_timeout_s
        self._remove([known for known, member in self._memberships.items() if member.heard_at <= heard_after])
        if self._gathers_until is None:
            return
        late = [known for known, membership in self._memberships.items() if not membership.has_joined]
        if late and now < self._gathers_until:
            return
        self._remove(late)
        self._gathers_until = None
        self._assignment = Assignment(self._assignment.generation + 1, place(self.members, self._classes))
        self._bell.ring()


def _precedes(old: Member, new: Member) -> bool:
    """Tell whether `old` is an earlier claim of the slot that `new` has claimed."""
    return old.slot == new.slot and old.epoch < new.epoch
