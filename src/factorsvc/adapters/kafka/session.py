"""Connections to the brokers of a cluster, from its bootstrap to the first failure.

aiokafka's own client is not used for it: a bootstrap that is cancelled there leaves an open connection behind, its task
that renews metadata swallows who cancels its end, and it never asks again the brokers that it was told of first.
"""

import asyncio
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, StaleMetadata
from aiokafka.protocol.api import Request
from aiokafka.protocol.metadata import MetadataRequest

from factorsvc.adapters.kafka.access import Access

_IDLE_MS: Final = 9 * 60 * 1000
"""Brokers end a connection that was idle for ten minutes, maybe at the moment in which a request is sent."""


class Session:
    """One connection a broker, made when needed. Nothing but its requests runs, and its end waits for nobody."""

    def __init__(self, access: Access) -> None:
        """Prepare; `bootstrap` finds out whom there is to ask."""
        self.users = 0
        """How many requests are under way."""
        self._timeout_s = access.request_timeout_s
        options = access.options
        self._bootstrap_servers = options.pop("bootstrap_servers")
        self._options = {**options, "max_idle_ms": _IDLE_MS}
        self._addresses: dict[int, tuple[str, int]] = {}
        self._controller = -1
        self._connections: dict[int, AIOKafkaConnection] = {}
        self._is_closed = False

    async def bootstrap(self) -> None:
        """Learn from any broker that the access names which ones there are.

        Raises:
            KafkaError, OSError, TimeoutError: none of them says so; this is what the last one said.
        """
        failure: Exception = KafkaConnectionError("nobody to ask")
        for host, port, _ in collect_hosts(self._bootstrap_servers):
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._bootstrap_at(host, port)
            except (KafkaError, OSError, TimeoutError) as error:
                failure = error
        raise failure

    async def ask(self, request: Request[Any], node_id: int | None) -> Any:
        """Return the answer of this broker, or of the one that metadata calls the controller.

        Raises:
            KafkaError, OSError, TimeoutError: there was none.
        """
        connection = await self._connected(self._controller if node_id is None else node_id)
        return await connection.send(request)

    def close_unless_used(self) -> None:
        """Close, unless a request is under way."""
        if not self.users:
            self.close()

    def close(self) -> None:
        """End all connections at once: what is under way gets no answer, and what is buffered is not sent."""
        self._is_closed = True
        for connection in self._connections.values():
            _abort(connection)

    async def _bootstrap_at(self, host: str, port: int) -> None:
        connection = await create_conn(host, port, **self._options)
        try:
            said = await connection.send(MetadataRequest([]))
        finally:
            _abort(connection)
        self._addresses = {node_id: (host, port) for node_id, host, port, _ in said.brokers}
        if not self._addresses:
            raise KafkaConnectionError("a broker that does not know its cluster yet")
        self._controller = said.controller_id if said.controller_id in self._addresses else min(self._addresses)

    async def _connected(self, node_id: int) -> AIOKafkaConnection:
        connection = self._connections.get(node_id)
        if connection is not None and connection.connected():
            return connection
        if node_id not in self._addresses:
            raise StaleMetadata(f"there was no broker {node_id}")
        connection = await create_conn(*self._addresses[node_id], **self._options)
        if self._is_closed:
            _abort(connection)
            raise KafkaConnectionError("closed")
        return self._only_one(node_id, connection)

    def _only_one(self, node_id: int, connection: AIOKafkaConnection) -> AIOKafkaConnection:
        """Keep `connection`, unless somebody else was faster, and return the one that is kept."""
        other = self._connections.get(node_id)
        if other is not None and other.connected():
            _abort(connection)
            return other
        self._connections[node_id] = connection
        return connection


def _abort(connection: AIOKafkaConnection) -> None:
    writer = connection._writer  # noqa: SLF001 - its own way to close waits until the buffer was sent
    connection.close()
    if writer is not None:
        writer.transport.abort()
