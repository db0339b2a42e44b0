"""A replica's part in the placement group, from the first time that it is asked for a member until it leaves."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from factorsvc.adapters.kafka.assignor import PROTOCOL, deal, member_bytes, placement_in
from factorsvc.adapters.kafka.group_rules import AskedError, OutError, SessionRefusedError
from factorsvc.adapters.kafka.group_session import GroupSession
from factorsvc.adapters.kafka.predecessors import client_id_of, put_predecessors_out
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.placement import Assignment

_LOG: Final = logging.getLogger("factorsvc.kafka")
_LONGEST_SESSION_S: Final = 60.0

Connect = Callable[[str], GroupSession]
"""Makes the access to the group of whoever is known by that client id."""


class Membership:
    """One membership. Its methods raise NotYetError and JournalUnavailableError, and can be called again."""

    def __init__(
        self, ask: Callable[[], Member | None], connect: Connect, classes: int, session_timeout_s: float
    ) -> None:
        """`ask` is asked before each joining; the session gets longer where the brokers refuse it."""
        self.assignment: Assignment | None = None
        """The latest, while this one is a member."""
        self.has_left = False
        self._ask = ask
        self._connect = connect
        self._classes = classes
        self._session_timeout_s = session_timeout_s
        self._session: GroupSession | None = None
        """None: it was never sure of its lease."""

    async def begin(self) -> bool:
        """Become a member and put the predecessors out; False: the lease is not sure."""
        member = self._ask()
        if member is None:
            return False
        session = self._session = self._session or self._connect(client_id_of(member))
        is_over = asyncio.Event()
        entered, put_out = await asyncio.gather(
            self._enter_first(session, member, is_over),
            put_predecessors_out(session, member, is_over),
            return_exceptions=True,
        )
        if isinstance(entered, BaseException):
            raise entered
        if put_out is not None:
            raise put_out
        return entered

    async def keep_up(self) -> None:
        """Say that this one lives, and join again where that is due."""
        if self._session is None:
            return
        try:
            await self._session.heartbeat()
        except AskedError:
            await self._enter(self._session, self._ask())
        except OutError:
            self._session.forget()
            await self._enter(self._session, self._ask())

    async def leave(self) -> None:
        """Leave at once. Afterwards nothing works any more."""
        self.has_left = True
        try:
            await self._withdraw()
        finally:
            self.close()

    def close(self) -> None:
        """End as a crash would: without a word. Idempotent."""
        self.has_left = True
        if self._session is not None:
            self._session.close()

    async def _enter_first(self, session: GroupSession, member: Member, is_over: asyncio.Event) -> bool:
        try:
            return await self._enter(session, member)
        finally:
            is_over.set()

    async def _enter(self, session: GroupSession, member: Member | None) -> bool:
        """Join, for the first time or again, until nobody asks for more; False: this one is no member."""
        while member is not None and not self.has_left:
            try:
                await self._take_part(session, member)
            except AskedError:
                member = self._ask()
            except OutError:
                session.forget()
                member = self._ask()
            except SessionRefusedError:
                self._want_a_longer_session()
            else:
                if not self.has_left:
                    return True
        await self._withdraw()
        return False

    async def _take_part(self, session: GroupSession, member: Member) -> None:
        """One rebalance."""
        said = await session.join(PROTOCOL, member_bytes(member), self._session_timeout_s)
        if said is None:
            dealt = await session.sync({})
        else:
            dealt = await session.sync(dict.fromkeys(said, deal(said.values(), self._classes)))
        placement = placement_in(dealt, self._classes)
        self.assignment = None if placement is None else Assignment(session.generation, placement)

    async def _withdraw(self) -> None:
        self.assignment = None
        if self._session is not None:
            await self._session.leave()

    def _want_a_longer_session(self) -> None:
        refused_s, self._session_timeout_s = self._session_timeout_s, 2 * self._session_timeout_s
        if self._session_timeout_s > _LONGEST_SESSION_S:
            raise JournalUnavailableError(f"the brokers permit no session of {refused_s:g} s")
        _LOG.warning("session_refused", extra={"refused_s": refused_s, "session_timeout_s": self._session_timeout_s})
