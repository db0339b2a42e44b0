"""One connection to the server: it answers a batch of commands in order and in time, or it is over for good.

redis-py gives the parts: how to reach the server, by TLS or not, how to log in, and the parser. What else it would do
by itself is switched off, for each has done harm (redis-py 8.1, Python 3.11):

- It retries ten times, also when the password is refused, and sends a transaction again whose answer was lost.
- With a `socket_timeout` it swallows cancellations on Python 3.11, so a task that was killed lives on. Here one
  deadline of `asyncio.timeout` spans the whole batch.
- It introduces itself (CLIENT SETINFO, MAINT_NOTIFICATIONS), which a slot's user may not.

Spoken is the second version of the protocol: its answers are the same on all servers, and `AUTH` needs no right.
"""

import asyncio
import select
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hiredis import pack_command
from redis.asyncio.connection import Connection as TcpConnection
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as BrokenConnectionError

Command: TypeAlias = Sequence[str | bytes | int]
"""A command's name and arguments."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and how long it may take to let somebody in, or to answer one batch."""

    host: str
    port: int
    tls: bool = False
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Login:
    """Who a connection is; without a password whoever the server takes strangers for."""

    user: str
    password: str | None = field(default=None, repr=False)
    name: str | None = None
    """What a connection calls itself, for those who look whether anybody is there and cannot tell it by the user."""


class RefusedError(Exception):
    """The server does not let this login in, or not into this database. The connection is over."""


class NoAnswerError(Exception):
    """No answer, or not all of it. The connection is over, so that a late one is never taken for another's."""

    def __init__(self, message: str, *, sent: bool, hung_up: bool = False) -> None:
        """Say whether anything was `sent`, as else it is surely not done, and whether the server has `hung_up`."""
        super().__init__(message)
        self.sent = sent
        self.hung_up = hung_up


class _Wire(TcpConnection):
    """What redis-py makes of a socket, with an end that waits for nothing."""

    def __init__(self, server: Server, login: Login, database: int) -> None:
        """Prepare, without a word of its own to the server and without a second try of anything."""
        super().__init__(
            host=server.host,
            port=server.port,
            db=database,
            username=login.user if login.password is not None else None,
            password=login.password,
            client_name=login.name,
            protocol=2,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=None,
            health_check_interval=0,
        )

    @property
    def is_broken(self) -> bool:
        """Tell whether the connection has ended, or was not made. Not for use while an answer is awaited.

        The socket itself is looked at: before the loop has, its end is there to be read, and nothing else can be.
        """
        if self._reader is None or self._writer is None or self._reader.at_eof():
            return True
        end = select.poll()
        end.register(self._writer.get_extra_info("socket"), select.POLLIN)
        return bool(end.poll(0))

    async def disconnect(self, *_how: Any, **_why: Any) -> None:
        """End as redis-py does it after every failure, which would first send all that is buffered."""
        self.abort()

    def abort(self) -> None:
        """Close without waiting until what is buffered was sent; `close` would, and might for ever."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class _TlsWire(_Wire, SSLConnection):
    """The same through TLS, with the authorities that this machine trusts."""

    @property
    def is_broken(self) -> bool:
        """Tell whether the connection has ended, as far as the loop knows: TLS may send something at any time."""
        return self._reader is None or self._reader.at_eof()


class Connection:
    """One connection, for one task at a time; made by `connect`, once."""

    def __init__(self, server: Server, login: Login, database: int) -> None:
        """Prepare to reach `server` as `login` and to enter `database`."""
        self._timeout_s = server.timeout_s
        self._wire = (_TlsWire if server.tls else _Wire)(server, login, database)
        self._deadline: asyncio.Timeout | None = None
        """Of what is under way."""

    @property
    def is_broken(self) -> bool:
        """Tell whether the connection is known to be over, or was never made."""
        return self._wire.is_broken

    async def connect(self) -> None:
        """Reach the server, log in and enter the database.

        Raises:
            RefusedError: wrong user or password, or no right to enter.
            NoAnswerError: unreachable, or cut off meanwhile.
        """
        try:
            async with self._whole_or_over():
                await self._wire.connect_check_health(check_health=False, retry_socket_connect=False)
        except (AuthenticationError, ResponseError) as error:
            raise RefusedError("refused") from error
        except (TimeoutError, RedisError) as error:
            raise NoAnswerError("cannot connect", sent=False, hung_up=_is_hang_up(error)) from error

    async def ask(self, *commands: Command) -> list[Any]:
        """Write all commands at once and return their replies: bytes, integers, None, lists of these, or errors.

        An error reply is returned as the `redis.exceptions.ResponseError` that it is, in its place.

        Raises:
            RefusedError: the server does not know who this is (any more).
            NoAnswerError: the connection was closed by either side, or the time is up.
        """
        if self.is_broken:
            self.abort()
            raise NoAnswerError("the connection is closed", sent=False, hung_up=True)
        batch = b"".join([_packed(command) for command in commands])
        try:
            async with self._whole_or_over():
                await self._wire.send_packed_command(batch)
                return [await self._reply() for _ in commands]
        except AuthenticationError as error:
            raise RefusedError("refused") from error
        except (TimeoutError, RedisError) as error:
            raise NoAnswerError("no answer", sent=True, hung_up=_is_hang_up(error)) from error

    def abort(self) -> None:
        """End the connection at once: what was not yet sent never is, and what is under way gets no answer."""
        self._wire.abort()
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def _whole_or_over(self) -> AsyncIterator[None]:
        """Abort unless all that is done here ends well, and in time."""
        try:
            async with asyncio.timeout(self._timeout_s) as self._deadline:
                yield
        except BaseException:
            self._wire.abort()
            raise
        finally:
            self._deadline = None

    async def _reply(self) -> Any:
        try:
            return await self._wire.read_response()
        except ResponseError as error:
            return error


def _packed(command: Command) -> bytes:
    words: tuple[Any, ...] = tuple(command)  # what hiredis says of its types holds for one word
    packed: bytes = pack_command(words)
    return packed


def _is_hang_up(error: Exception) -> bool:
    """Tell whether the server closed the connection, rather than kept silent."""
    return isinstance(error, BrokenConnectionError)
