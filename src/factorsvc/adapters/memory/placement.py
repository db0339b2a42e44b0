"""The placement group as one replica takes part in it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from factorsvc.adapters.memory.bell import listen
from factorsvc.adapters.memory.connection import Connection
from factorsvc.adapters.memory.coordinator import Coordinator, Heard, Standing
from factorsvc.adapters.memory.link import LinkDownError
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.placement import Assignment, PlacementGroup

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Membership:
    """One `join`, until the next `leave`."""

    ask: Callable[[], Member | None]
    member_id: str | None = None
    """What the group knows this member by; None: it does not."""
    has_joined: bool = False
    """`join` has returned: from then on it is `changed` that keeps the membership up."""


class MemoryPlacementGroup(PlacementGroup):
    """A member that is alive as long as somebody waits in `changed`: that is where its heartbeats come from."""

    def __init__(self, coordinator: Coordinator, connection: Connection) -> None:
        """Reach `coordinator`, by whose times the group lives."""
        self._coordinator = coordinator
        self._connection = connection
        self._heartbeat_s = coordinator.timing.heartbeat_s
        self._patience_s = coordinator.timing.session_timeout_s / 3
        """For an answer of the coordinator: one that is lost leaves time for two more heartbeats."""
        self._membership: _Membership | None = None

    async def join(self, member: Callable[[], Member | None]) -> None:
        await self.leave()
        membership = self._membership = _Membership(member)
        try:
            while membership is self._membership:
                if await self._enter(membership):
                    membership.has_joined = True
                    return
                await asyncio.sleep(self._heartbeat_s)
        except LinkDownError as error:
            raise JournalUnavailableError from error

    async def changed(self, than: Assignment | None) -> Assignment:
        while True:
            heard = await self._heartbeat()
            if heard is None:
                await asyncio.sleep(self._heartbeat_s)
            elif heard.standing is Standing.PLACED and heard.assignment != than:
                return heard.assignment
            else:
                await listen([heard.sound], self._heartbeat_s)

    async def leave(self) -> None:
        membership, self._membership = self._membership, None
        if membership is not None:
            with suppress(LinkDownError):
                await self._withdraw(membership)

    async def _heartbeat(self) -> Heard | None:
        """Say that this one lives, and join again where that is due; None: it is no member, or nobody answers."""
        with suppress(LinkDownError):
            while (membership := self._membership) is not None and membership.has_joined:
                if membership.member_id is None and not await self._enter(membership):
                    return None
                heard = await self._call(partial(self._coordinator.heartbeat, str(membership.member_id)))
                match heard.standing:
                    case Standing.OUT:
                        membership.member_id = None
                    case Standing.ASKED:
                        if not await self._enter(membership):
                            return None
                    case Standing.WAITING | Standing.PLACED:
                        return heard
        return None

    async def _enter(self, membership: _Membership) -> bool:
        """Join, for the first time or again; False: the lease is not sure, and so this one is no member."""
        member = membership.ask()
        if member is None:
            await self._withdraw(membership)
            return False
        membership.member_id = await self._call(partial(self._coordinator.join, membership.member_id, member))
        if membership is not self._membership:  # it left while it joined
            await self._withdraw(membership)
        return True

    async def _withdraw(self, membership: _Membership) -> None:
        member_id, membership.member_id = membership.member_id, None
        if member_id is not None:
            await self._call(partial(self._coordinator.leave, member_id))

    async def _call(self, effect: Callable[[], T]) -> T:
        return await self._connection.call(effect, self._patience_s)
