"""What a server is asked, as it tells whoever watches: all that it carries out, and nothing that it refuses."""

import asyncio
import re
from typing import NamedTuple, Self
from uuid import uuid4

from tests.servers.administrator import Administrator
from tests.servers.redis_server import HOST, PASSWORD, RedisServer

_LINE = re.compile(r'\+[\d.]+ \[(\d+) (\S+)\] "(\w+)"(?: "([^"]*)")?')


class Asked(NamedTuple):
    """One command."""

    database: int
    """In which it was carried out."""
    address: str
    """Of who asked it."""
    command: str
    """Its name, in lower case."""
    first: str
    """Its first argument, empty if there is none."""


class Monitor:
    """Watches while entered; `asked` is whole afterwards."""

    def __init__(self, server: RedisServer, administrator: Administrator) -> None:
        """Prepare to watch `server`."""
        self.asked: list[Asked] = []
        self._server = server
        self._administrator = administrator

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(HOST, self._server.port)
        self._writer.write(f'AUTH "{PASSWORD}"\r\nMONITOR\r\n'.encode())
        for _ in range(2):
            assert await self._reader.readline() == b"+OK\r\n"
        return self

    async def __aexit__(self, *_: object) -> None:
        last = uuid4().hex
        await self._administrator.ask(("ECHO", last))
        while (asked := _parsed(await self._reader.readline())).first != last:
            self.asked.append(asked)
        self._writer.transport.abort()


def _parsed(line: bytes) -> Asked:
    found = _LINE.match(line.decode("utf-8", "replace"))
    assert found, line
    return Asked(int(found[1]), found[2], found[3].lower(), found[4] or "")
