"""A connection with the credentials that all replicas share, for a claim or a release; with it the rights to both."""

from typing import Any, NamedTuple, Self

from redis.exceptions import ResponseError

from factorsvc.adapters.redis import survey
from factorsvc.adapters.redis.connection import Command, Connection, Login, NoAnswerError, RefusedError, Server
from factorsvc.adapters.redis.layout import EPOCH, Layout
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.adapters.redis.survey import ServerFacts
from factorsvc.domain.errors import StorageUnavailableError
from factorsvc.domain.slot import Survey


class LeaseSight(NamedTuple):
    """A lease as it was watched."""

    token: str | None
    last_epoch: int | None
    """Of the claims of this slot until now, as far as its database remembers."""
    now_ms: int
    connected: bool
    """Somebody else was connected as the slot's user, or was claiming it."""


class SharedConnection:
    """Connected while entered, first in database 0. While it claims a slot its name shows others that somebody does."""

    def __init__(self, server: Server, login: Login) -> None:
        """Prepare; to enter connects."""
        self._connection = Connection(server, login, 0)

    async def __aenter__(self) -> Self:
        try:
            await self._connection.connect()
        except (RefusedError, NoAnswerError) as error:
            raise StorageUnavailableError from error
        return self

    async def __aexit__(self, *_: object) -> None:
        self._connection.abort()

    async def survey(self) -> tuple[ServerFacts, Survey]:
        """Look at all slots, and enter none."""
        return survey.read_survey(require_done(await self._ask(*survey.QUESTIONS)))

    async def watch_lease(self, slot: int) -> LeaseSight | None:
        """Enter `slot` and watch its lease; None if the server has no such database.

        Who else is there is asked before this connection has the name of a claimer. Named first, two that come at once
        would each see the other, and both would pass a dead slot by.
        """
        layout = Layout(slot)
        enter: list[Command] = [("SELECT", slot), ("UNWATCH",), ("WATCH", layout.lease)]
        look: list[Command] = [("GET", layout.lease), ("HGET", layout.view, EPOCH), ("TIME",), ("CLIENT", "LIST")]
        entered, *replies = await self._ask(*enter, *look, ("CLIENT", "SETNAME", survey.claimer_of(slot)))
        if isinstance(entered, ResponseError):
            return None
        *_, token, epoch, (seconds, microseconds), clients, _ = require_done(replies)
        return LeaseSight(
            token=None if token is None else token.decode("utf-8", "replace"),
            last_epoch=None if epoch is None else int(epoch),
            now_ms=int(seconds) * 1000 + int(microseconds) // 1000,
            connected=slot in survey.connected_slots(clients),
        )

    async def transact(self, *commands: Command) -> bool:
        """Do `commands` as one; False, and nothing is done, if the lease was touched since it was watched.

        Raises:
            StorageUnavailableError: no answer, no room, or no right.
        """
        *_, results = require_done(await self._ask(("MULTI",), *commands, ("EXEC",)))
        if results is None:
            return False
        require_done(results)  # one that fails in EXEC does not undo the others
        return True

    async def leave(self) -> None:
        """Go back to database 0, and seem no more to claim a slot."""
        require_done(await self._ask(("UNWATCH",), ("SELECT", 0), ("CLIENT", "SETNAME", "")))

    async def _ask(self, *commands: Command) -> list[Any]:
        try:
            return await self._connection.ask(*commands)
        except (RefusedError, NoAnswerError) as error:
            raise StorageUnavailableError from error
