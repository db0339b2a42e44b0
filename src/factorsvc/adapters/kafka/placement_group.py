"""The placement group as one replica takes part in it (design 8).

The brokers know who is alive; one member, whom they choose, deals the classes by the rule that all have in common, and
everybody is told the whole placement. Members have no identity that outlives them: a replica that was killed and starts
again puts its own predecessor out.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from factorsvc.adapters.kafka.bus import PlacementPart
from factorsvc.adapters.kafka.group_rules import GroupTiming
from factorsvc.adapters.kafka.membership import Connect, Membership
from factorsvc.adapters.kafka.topics import NotYetError
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.placement import Assignment

_PATIENCE_S: Final = 10.0
"""For a coordinator that is about to be there, as while the brokers start."""


class KafkaPlacementGroup(PlacementPart):
    """A member that is alive as long as somebody waits in `changed`: that is where its heartbeats come from."""

    def __init__(self, connect: Connect, classes: int, timing: GroupTiming) -> None:
        """Deal `classes` classes among those who `connect` to the same group."""
        self._connect = connect
        self._classes = classes
        self._timing = timing
        self._is_closed = False
        self._membership: Membership | None = None
        self._joined: Membership | None = None
        """Whose joining is over: from then on it is `changed` that keeps the membership up."""

    async def join(self, member: Callable[[], Member | None]) -> None:
        await self.leave()
        membership = Membership(member, self._connect, self._classes, self._timing.session_timeout_s)
        self._membership = membership
        now = asyncio.get_running_loop().time
        deadline = now() + _PATIENCE_S
        while not (membership.has_left or self._is_closed):
            try:
                if await membership.begin():
                    self._joined = membership
                    return
            except NotYetError as error:
                if now() >= deadline:
                    raise JournalUnavailableError(str(error)) from error
            except JournalUnavailableError:
                if not membership.has_left:
                    raise
            await asyncio.sleep(self._timing.heartbeat_s)
        if self._is_closed:
            raise JournalUnavailableError("closed")

    async def changed(self, than: Assignment | None) -> Assignment:
        while True:
            membership = self._joined
            if membership is not None and not membership.has_left:
                with suppress(JournalUnavailableError, NotYetError):
                    await membership.keep_up()
                found = membership.assignment
                if found is not None and found != than and not membership.has_left:
                    return found
            await asyncio.sleep(self._timing.heartbeat_s)

    async def leave(self) -> None:
        membership, self._membership = self._membership, None
        if membership is not None:
            with suppress(JournalUnavailableError, NotYetError):  # then the session's end ends the membership
                await membership.leave()

    async def close(self) -> None:
        self._is_closed = True
        if self._membership is not None:
            self._membership.close()
