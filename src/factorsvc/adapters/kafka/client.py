"""Single requests to the brokers, each answered in time or not at all: what producers and consumers are not needed for.

aiokafka's plain client does the connections. What is added: it is made when it is first needed, and anew once it has
failed, since aiokafka goes on asking the brokers that it knows, and never again those that it was told of.
"""

import asyncio
from collections.abc import Collection
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request
from aiokafka.protocol.metadata import MetadataRequest

from factorsvc.adapters.kafka.access import Access
from factorsvc.domain.errors import JournalUnavailableError


class Client:
    """Asks for any number of tasks at once; a broker answers one after the other."""

    def __init__(self, access: Access) -> None:
        """Prepare; the first request connects."""
        self._access = access
        self._session: _Session | None = None
        self._is_closed = False

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

    async def _connected(self) -> "_Session":
        if self._session is None:
            self._take_over(await self._connect())
        if self._session is None:
            raise JournalUnavailableError("closed")
        return self._session

    def _take_over(self, session: "_Session") -> None:
        """Use `session` from now on, unless somebody else was faster, or has closed this meanwhile."""
        if self._session is None and not self._is_closed:
            self._session = session
        else:
            session.close()

    async def _connect(self) -> "_Session":
        if self._is_closed:
            raise JournalUnavailableError("closed")
        session = _Session(self._access)
        try:
            await session.connect()
        except (KafkaError, OSError, TimeoutError) as error:
            session.close()
            raise JournalUnavailableError(f"no broker in reach: {error!r}") from error
        except asyncio.CancelledError:
            session.close()
            raise
        return session

    def _give_up(self, session: "_Session") -> None:
        """Have the next request connect anew; those under way on the same connections may still be answered."""
        if session is self._session:
            self._session = None


class _Session:
    """One of aiokafka's clients, from its bootstrap to its first failure."""

    def __init__(self, access: Access) -> None:
        self.users = 0
        """How many requests are under way."""
        self._client = AIOKafkaClient(**access.options)

    async def connect(self) -> None:
        # No deadline of ours: each of its steps has one, and it leaves a connection open if it is cancelled.
        await self._client.bootstrap()

    async def ask(self, request: Request[Any], node_id: int | None) -> Any:
        return await self._client.send(self._controller() if node_id is None else node_id, request)

    def close_unless_used(self) -> None:
        if not self.users:
            self.close()

    def close(self) -> None:
        """Close without waiting, as `AIOKafkaClient.close` would: it also swallows who cancels it meanwhile."""
        abandon(self._client)

    def _controller(self) -> int:
        controller = self._client.cluster.controller
        node_id: int = self._client.get_random_node() if controller is None else controller.nodeId
        return node_id


def abandon(client: AIOKafkaClient) -> None:
    """End an aiokafka client at once, whatever is under way, without waiting for a broker that may be silent."""
    if client._sync_task is not None:  # noqa: SLF001
        client._sync_task.cancel()  # noqa: SLF001
    for connection in client._conns.values():  # noqa: SLF001
        writer = connection._writer  # noqa: SLF001
        connection.close()
        if writer is not None:
            writer.transport.abort()  # or what is buffered would still be sent
