"""A claim's connections to its database: made when needed, given up after every failure, and over with the claim."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError

from factorsvc.adapters.redis.connection import Command, Connection, Login, NoAnswerError, RefusedError, Server
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.domain.errors import SlotLostError, StorageFullError, StorageUnavailableError

LENT_AT_ONCE: Final = 32
"""Connections for readings at most. More would not be faster, as a server does one thing after the other; and sixteen
replicas with one for each reading under way would exceed what it lets in (`maxclients`, 10 000)."""


class SlotConnection:
    """One connection as a slot's user, for one task at a time. Whether the slot is still its own the server knows."""

    def __init__(self, claim: "SlotConnections") -> None:
        """Prepare; the first question connects."""
        self._claim = claim
        self._connection: Connection | None = None
        """The one that stands, or is being made."""
        self._session = 0
        self._is_watching = False

    @property
    def is_watching(self) -> bool:
        """Tell whether the latest `watch` is still in force."""
        return self._is_watching

    @property
    def session(self) -> int:
        """The number of the connection that stands, 0 while there is none. What was watched is so by this one only."""
        return self._session

    async def ask(
        self, *commands: Command, unanswered: type[StorageUnavailableError] = StorageUnavailableError
    ) -> list[Any]:
        """Write all commands at once and return their replies; an error is returned in its place, as a `ResponseError`.

        Questions that got no answer, or were cancelled, end the connection, lest the next ones mistake the late answer
        for theirs; the next ones are asked over a new one, of another `session`, which watches nothing. Where the
        server has closed the connection, connecting anew tells whether that was a fence.

        Raises:
            SlotLostError: the claim is over; nothing was done, unless before that.
            StorageUnavailableError: no answer; of the kind `unanswered` if it may have been done, or may be done later.
        """
        self._claim.require_open()
        connection = self._connection or await self._connect()
        try:
            replies = await connection.ask(*commands)
        except RefusedError as error:
            raise self._claim.lost() from error
        except NoAnswerError as error:
            self._hang_up()
            self._claim.require_open()
            if error.hung_up:
                await self._connect()
            raise (unanswered if error.sent else StorageUnavailableError) from error
        except asyncio.CancelledError:
            self._hang_up()
            raise
        self._require_rights(replies)
        return replies

    async def ask_as_holder(self, *commands: Command) -> list[Any]:
        """Ask, and be sure that the slot was this claim's; no reply is an error.

        Raises:
            SlotLostError, StorageUnavailableError: as `ask`.
        """
        return require_done(await self.ask(*commands))

    async def watch(self, keys: Sequence[bytes], *commands: Command) -> list[Any]:
        """Watch `keys` from here on, and return the replies to `commands`, of which none is an error.

        Who watches twice has the first watch's conflicts too, so that one is over first.

        Raises:
            SlotLostError, StorageUnavailableError: as `ask`; nothing was done.
        """
        self._is_watching = False
        _, _, *replies = require_done(await self.ask(("UNWATCH",), ("WATCH", *keys), *commands))
        self._is_watching = True
        return replies

    async def write(
        self, *commands: Command, unanswered: type[StorageUnavailableError] = StorageUnavailableError
    ) -> list[Any]:
        """Do `commands`, which take room from nobody, also when the server is full; what is watched may be so no more.

        Raises:
            SlotLostError, StorageUnavailableError: as `ask`.
        """
        return require_done(await self.ask(*commands, unanswered=unanswered))

    async def transact(
        self, *commands: Command, unanswered: type[StorageUnavailableError] = StorageUnavailableError
    ) -> list[Any] | None:
        """Do `commands` as one, unless what this connection watches has changed: None then. Nothing is watched after.

        Raises:
            StorageFullError: no room, so nothing is done.
            ResponseError: some command is wrong; if that shows in the last step only, the others are done.
        """
        self._is_watching = False
        replies = await self.ask(("MULTI",), *commands, ("EXEC",), unanswered=unanswered)
        require_room(replies)
        results: list[Any] | None = require_good([replies[-1]])[0]
        if results is None:
            return None
        self._require_rights(results)
        return require_good(results)

    def _require_rights(self, replies: list[Any]) -> None:
        """End the claim if the server no longer permits what it permitted when the slot's user was made."""
        if any(isinstance(reply, NoPermissionError) for reply in replies):
            raise self._claim.lost()

    def refresh(self) -> None:
        """Give the connection up if the server has closed it meanwhile, so that the next question is asked anew."""
        if self._session and self._connection is not None and self._connection.is_broken:
            self._hang_up()

    def cut(self) -> None:
        """Give the connection up: what is under way gets no answer."""
        self._hang_up()

    async def _connect(self) -> Connection:
        """Connect; a second time if the server hangs up on the first, as on somebody it has just fenced."""
        error = await self._try_to_connect()
        if error is not None and error.hung_up:
            error = await self._try_to_connect()
        if error is not None or self._connection is None:
            raise StorageUnavailableError from error
        return self._connection

    async def _try_to_connect(self) -> NoAnswerError | None:
        self._connection = connection = self._claim.new_connection()
        try:
            await connection.connect()
        except RefusedError as error:
            raise self._claim.lost() from error
        except NoAnswerError as error:
            self._hang_up()
            self._claim.require_open()
            return error
        except asyncio.CancelledError:
            self._hang_up()
            raise
        self._claim.require_open()
        self._session = self._claim.next_session()
        return None

    def _hang_up(self) -> None:
        connection, self._connection, self._session, self._is_watching = self._connection, None, 0, False
        if connection is not None:
            connection.abort()


class SlotConnections:
    """All connections of one claim. Once one of them is refused, or the claim is closed, none works any more."""

    def __init__(
        self,
        server: Server,
        login: Login,
        slot: int,
        make: Callable[["SlotConnections"], SlotConnection] = SlotConnection,
    ) -> None:
        """Prepare to reach the database of `slot` as `login`, by connections that `make` makes of this."""
        self._server = server
        self._login = login
        self._slot = slot
        self._make = make
        self._sessions = count(1)
        self._is_over = False
        self._all: list[SlotConnection] = []
        self._idle: list[SlotConnection] = []
        self._turns = asyncio.Semaphore(LENT_AT_ONCE)

    def require_open(self) -> None:
        """Raise `SlotLostError` when the claim is over."""
        if self._is_over:
            raise SlotLostError(self._slot)

    def own(self) -> SlotConnection:
        """Return a connection for its caller alone."""
        connection = self._make(self)
        self._all.append(connection)
        return connection

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[SlotConnection]:
        """Lend one out of a pool that grows as needed, up to `LENT_AT_ONCE`; it watches nothing."""
        async with self._turns:
            connection = self._idle.pop() if self._idle else self.own()
            connection.refresh()
            try:
                yield connection
            finally:
                self._idle.append(connection)

    def close(self) -> None:
        """End all, for ever: what is under way gets no answer, and whoever asks again finds the slot lost."""
        self._is_over = True
        for connection in self._all:
            connection.cut()

    def lost(self) -> SlotLostError:
        """End all because the server wants nothing of this claim any more, and return what is to be raised."""
        self.close()
        return SlotLostError(self._slot)

    def new_connection(self) -> Connection:
        """Prepare one more connection."""
        return Connection(self._server, self._login, self._slot)

    def next_session(self) -> int:
        """Return the number of a connection that was made."""
        return next(self._sessions)


def require_room(replies: Iterable[Any]) -> None:
    """Raise `StorageFullError` if a reply says that the server has no room, be it to a command or to its EXEC."""
    for reply in replies:
        if isinstance(reply, OutOfMemoryError) or (isinstance(reply, ResponseError) and "OOM " in str(reply)):
            raise StorageFullError


def require_good(replies: list[Any]) -> list[Any]:
    """Return `replies`, of which none may be an error: what the adapter sends is right, or it has a defect."""
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return replies
