"""Whoever administers a server of the tests: sees all, may do all, and takes the direct way, without any trouble."""

from typing import Any

from redis.exceptions import ResponseError

from factorsvc.adapters.redis.connection import Command, Connection, Login, NoAnswerError, Server
from factorsvc.adapters.redis.survey import fields_of
from tests.servers.redis_server import HOST, PASSWORD, PATIENCE_S, RedisServer

SHARED = Login("default", PASSWORD)


class Administrator:
    """Connects when needed, and again after the server was restarted."""

    def __init__(self, server: RedisServer) -> None:
        """Prepare for `server`, which may not run yet."""
        self._server = server
        self._connection: Connection | None = None

    async def ask(self, *commands: Command) -> list[Any]:
        """Return the replies, none of which may be an error."""
        replies = await self._connected_replies(*commands)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    async def in_slot(self, slot: int, *commands: Command) -> Any:
        """Return the reply to the last of `commands`, carried out in the database of `slot` in passing."""
        *_, results = await self.ask(("MULTI",), ("SELECT", slot), *commands, ("SELECT", 0), ("EXEC",))
        return results[-2]

    async def begin_anew(self) -> None:
        """Remove all data, users and connections, and what limits memory."""
        await self.limit_memory(0)
        await self.ask(("FLUSHALL",))
        (users,) = await self.ask(("ACL", "USERS"))
        for user in users:
            if user != b"default":
                await self.ask(("ACL", "DELUSER", user))
        await self.ask(("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), ("ACL", "LOG", "RESET"))

    async def limit_memory(self, limit_bytes: int) -> None:
        """Allow no more than this; 0 allows all."""
        await self.ask(("CONFIG", "SET", "maxmemory", limit_bytes))

    async def uptime_s(self) -> int:
        """How long the server has been up, in whole seconds."""
        return int(await self._info("server", "uptime_in_seconds"))

    async def connections(self) -> int:
        """How many connections the server has, this one included."""
        return int(await self._info("clients", "connected_clients"))

    async def address(self) -> str:
        """From where the administrator is connected."""
        number, clients = await self.ask(("CLIENT", "ID"), ("CLIENT", "LIST"))
        (line,) = (line for line in clients.decode().splitlines() if line.startswith(f"id={number} "))
        address: str = line.split("addr=")[1].split(" ")[0]
        return address

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.abort()

    async def _info(self, section: str, field: str) -> str:
        (info,) = await self.ask(("INFO", section))
        return fields_of(info.decode())[field]

    async def _connected_replies(self, *commands: Command) -> list[Any]:
        if self._connection is not None:
            try:
                return await self._connection.ask(*commands)
            except NoAnswerError as error:
                if error.sent:
                    raise
        self._connection = Connection(Server(HOST, self._server.port, timeout_s=PATIENCE_S), SHARED, 0)
        await self._connection.connect()
        return await self._connection.ask(*commands)
