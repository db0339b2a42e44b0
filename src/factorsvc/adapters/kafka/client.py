"""Single requests to the brokers, each answered in time or not at all."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request
from aiokafka.protocol.metadata import MetadataRequest

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.session import Session
from factorsvc.domain.errors import JournalUnavailableError

_LOG: Final = logging.getLogger("factorsvc.kafka")


class Client:
    """Asks for any number of tasks at once; a broker answers one after the other."""

    def __init__(self, access: Access) -> None:
        """Prepare; the first request connects, and so does the first one after a failure."""
        self._access = access
        self._session: Session | None = None
        self._is_closed = False
        self._is_away = False
        """Whether the brokers were out of reach when they were last looked for."""

    async def ask(self, request: Request[Any], node_id: int | None = None) -> Any:
        """Send `request` to this broker, or to the one that metadata calls the controller, and return the answer.

        Errors within the answer are the caller's to look at. Made anew, a connection takes its own time first.

        Raises:
            JournalUnavailableError: no answer in time. It may be carried out all the same, unless it changes nothing.
        """
        session = await self._connected()
        session.users += 1
        try:
            async with asyncio.timeout(self._access.request_timeout_s):
                return await session.ask(request, node_id)
        except (KafkaError, OSError, TimeoutError) as error:
            self._give_up(session)
            raise JournalUnavailableError(f"no answer from the brokers: {error!r}") from error
        finally:
            session.users -= 1
            if session is not self._session:
                session.close_unless_used()

    async def describe(self, topics: Collection[str]) -> Any:
        """Return metadata of `topics` and no others, without making one that is not there."""
        return await self.ask(MetadataRequest(list(topics), allow_auto_topic_creation=False))

    def close(self) -> None:
        """Close all connections at once: what is under way gets no answer, and nothing is sent any more. Idempotent."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            session.close()

    async def _connected(self) -> Session:
        if self._session is None:
            self._take_over(await self._connect())
        if self._session is None:
            raise JournalUnavailableError("closed")
        return self._session

    def _take_over(self, session: Session) -> None:
        """Use `session` from now on, unless somebody else was faster, or has closed this meanwhile."""
        if self._session is None and not self._is_closed:
            self._session = session

    async def _connect(self) -> Session:
        if self._is_closed:
            raise JournalUnavailableError("closed")
        session = Session(self._access)
        try:
            await session.bootstrap()
        except (KafkaError, OSError, TimeoutError) as error:
            self._tell(repr(error))
            raise JournalUnavailableError(f"no broker in reach: {error!r}") from error
        self._tell(None)
        return session

    def _tell(self, reason: str | None) -> None:
        """Log that the brokers are out of reach, and that they are back; a try that changes nothing is not logged."""
        if reason is not None and not self._is_away:
            _LOG.warning("kafka_out_of_reach", extra={"client": self._access.client_id, "reason": reason})
        elif reason is None and self._is_away:
            _LOG.info("kafka_in_reach", extra={"client": self._access.client_id})
        self._is_away = reason is not None

    def _give_up(self, session: Session) -> None:
        """Have the next request connect anew; those under way on the same connections may still be answered."""
        if session is self._session:
            self._session = None
