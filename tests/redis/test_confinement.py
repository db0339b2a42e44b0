"""P1: what a replica's own connection is refused, by every server."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from redis.exceptions import ExecAbortError, NoPermissionError, ResponseError

from factorsvc.adapters.redis import slot_user
from factorsvc.adapters.redis.connection import Command, Connection, Login, RefusedError, Server
from factorsvc.adapters.redis.survey import read_server
from tests.servers.administrator import Administrator
from tests.servers.redis_server import HOST, RedisServer

SLOT, OTHER = 3, 5
SECRET = "of slot 3"  # noqa: S105 - of a user that lives as long as one test


class Refused(NamedTuple):
    """A command, and what the server says to it."""

    command: Command
    also: str | None = None
    """Another error, with which a server refuses it that does not even look at who asks."""

    @property
    def name(self) -> str:
        return " ".join(map(str, self.command[:2]))


UNKNOWN = "unknown command"
"""To servers of versions that do not have it."""
OFF = "command not allowed"
"""To everybody, unless the server's settings allow it."""

SERVER_WIDE = [
    Refused(("SWAPDB", SLOT, OTHER)),
    Refused(("MOVE", "s3:view", OTHER)),
    Refused(("COPY", "s3:view", "s3:copy", "DB", OTHER)),
    Refused(("FLUSHALL",)),
    Refused(("FLUSHDB",)),
    Refused(("KEYS", "*")),
    Refused(("SCAN", 0)),
    Refused(("RANDOMKEY",)),
    Refused(("DBSIZE",)),
    Refused(("SORT", "s3:view", "GET", "s5:*")),
    Refused(("SORT_RO", "s3:view", "GET", "s5:*"), UNKNOWN),
    Refused(("EVAL", "return redis.call('SELECT', 5)", 0)),
    Refused(("EVALSHA", "0" * 40, 0)),
    Refused(("SCRIPT", "LOAD", "return 1")),
    Refused(("FUNCTION", "LIST"), UNKNOWN),
    Refused(("FCALL", "any", 0), UNKNOWN),
    Refused(("CONFIG", "GET", "*")),
    Refused(("CONFIG", "SET", "requirepass", "")),
    Refused(("ACL", "LIST")),
    Refused(("ACL", "WHOAMI")),
    Refused(("ACL", "SETUSER", "default", "nopass")),
    Refused(("CLIENT", "LIST")),
    Refused(("CLIENT", "KILL", "TYPE", "normal")),
    Refused(("CLIENT", "PAUSE", 1)),
    Refused(("CLIENT", "SETNAME", "somebody")),
    Refused(("MONITOR",)),
    Refused(("DEBUG", "SLEEP", 0), OFF),
    Refused(("SHUTDOWN", "NOSAVE")),
    Refused(("SAVE",)),
    Refused(("BGSAVE",)),
    Refused(("BGREWRITEAOF",)),
    Refused(("REPLICAOF", "127.0.0.1", 1)),
    Refused(("FAILOVER",)),
    Refused(("SYNC",)),
    Refused(("PSYNC", "?", -1)),
    Refused(("CLUSTER", "INFO")),
    Refused(("MIGRATE", "127.0.0.1", 1, "s3:view", 0, 10)),
    Refused(("DUMP", "s3:view")),
    Refused(("RESTORE", "s3:new", 0, "")),
    Refused(("PUBLISH", "channel", "word")),
    Refused(("SUBSCRIBE", "channel")),
    Refused(("PSUBSCRIBE", "*")),
    Refused(("MODULE", "LIST")),
    Refused(("INFO",)),
    Refused(("MEMORY", "USAGE", "s3:view")),
    Refused(("OBJECT", "ENCODING", "s3:view")),
    Refused(("SLOWLOG", "GET")),
    Refused(("LATENCY", "LATEST")),
    Refused(("COMMAND", "COUNT")),
    Refused(("WAIT", 0, 0)),
    Refused(("RENAME", "s3:view", "s3:new")),
    Refused(("HGETALL", "s3:view")),
    Refused(("GET", "s3:lease")),
    Refused(("SET", "s3:lease", "mine")),
    Refused(("DEL", "s3:lease")),
    Refused(("TYPE", "s3:view")),
    Refused(("PING",)),
]

FOREIGN_KEYS = [
    Refused(command)
    for key in (f"s{OTHER}:view", f"s{SLOT}{SLOT}:view", f"s{SLOT}", "view")
    for command in (
        ("HDEL", key, "a"),
        ("HLEN", key),
        ("HMGET", key, "a"),
        ("HSCAN", key, 0),
        ("HSET", key, "a", 1),
        ("PEXPIRE", key, 1),
        ("UNLINK", key),
        ("WATCH", key),
        ("ZADD", key, 1, "a"),
        ("ZCARD", key),
        ("ZRANGEBYSCORE", key, 0, 1),
        ("ZREM", key, "a"),
        ("ZSCAN", key, 0),
    )
]
DATABASES = [Refused(("SELECT", database)) for database in range(16) if database != SLOT]


@pytest.fixture
async def login(administrator: Administrator) -> Login:
    """The user of slot 3; database 5 has something to be after."""
    await administrator.in_slot(OTHER, ("HSET", "s5:view", "epoch", 1))
    await administrator.in_slot(SLOT, ("HSET", "s3:view", "epoch", 1))
    (info,) = await administrator.ask(("INFO", "server"))
    has_database_rules = read_server(info.decode()).has_database_rules
    await administrator.ask(slot_user.admit(SLOT, SECRET, has_database_rules=has_database_rules))
    return Login(slot_user.name_of(SLOT), SECRET)


@pytest.fixture
async def own(redis_server: RedisServer, login: Login) -> AsyncIterator[Connection]:
    """A replica's own connection."""
    connection = Connection(Server(HOST, redis_server.port), login, SLOT)
    await connection.connect()
    yield connection
    connection.abort()


async def untouched(administrator: Administrator) -> bool:
    """Tell whether everything is as it was."""
    (keyspace, users) = await administrator.ask(("INFO", "keyspace"), ("ACL", "USERS"))
    views = [await administrator.in_slot(slot, ("HGETALL", f"s{slot}:view")) for slot in (SLOT, OTHER)]
    return keyspace.count(b"keys=1") == 2 and len(users) == 2 and views == [[b"epoch", b"1"]] * 2


@pytest.mark.parametrize("refused", [*SERVER_WIDE, *FOREIGN_KEYS, *DATABASES], ids=lambda refused: refused.name)
async def test_it_is_refused(own: Connection, administrator: Administrator, refused: Refused) -> None:
    """By the server, whatever this process believes; and nothing has happened."""
    (reply,) = await own.ask(refused.command)
    assert isinstance(reply, ResponseError)
    assert isinstance(reply, NoPermissionError) or (refused.also is not None and refused.also in str(reply).lower())
    assert await untouched(administrator)
    (time,) = await own.ask(("TIME",))
    assert not isinstance(time, ResponseError), "the connection goes on"


@pytest.mark.parametrize(
    "refused",
    [*DATABASES[:2], *FOREIGN_KEYS[:6], Refused(("FLUSHALL",)), Refused(("SWAPDB", SLOT, OTHER))],
    ids=lambda refused: refused.name,
)
async def test_a_transaction_with_it_does_nothing(
    own: Connection, administrator: Administrator, refused: Refused
) -> None:
    """Neither before it nor after it."""
    write = ("HSET", "s3:view", "epoch", 9)
    *_, queued, _, done = await own.ask(("MULTI",), write, refused.command, write, ("EXEC",))
    assert isinstance(queued, NoPermissionError)
    assert isinstance(done, ExecAbortError)
    assert await untouched(administrator)


async def test_reset_gives_no_way_out(own: Connection, redis_server: RedisServer, administrator: Administrator) -> None:
    """6.2 refuses it; else it leaves a connection that nobody has logged in on."""
    (reset,) = await own.ask(("RESET",))
    if redis_server.program.name == "redis-6.2":
        assert isinstance(reset, NoPermissionError)
    else:
        with pytest.raises(RefusedError):
            await own.ask(("SELECT", OTHER))
    assert await untouched(administrator)


async def test_before_its_select_it_sees_and_touches_nothing_of_others(
    redis_server: RedisServer, login: Login, administrator: Administrator
) -> None:
    """A fresh connection stands in database 0; there it could make keys of its own at most."""
    await administrator.in_slot(0, ("HSET", "s0:view", "epoch", 1))
    connection = Connection(Server(HOST, redis_server.port), login, 0)
    await connection.connect()
    try:
        commands: list[Command] = [("HLEN", "s0:view"), ("HSET", "s0:view", "epoch", 2), ("UNLINK", "s0:view")]
        replies = await connection.ask(*commands)
        assert all(isinstance(reply, NoPermissionError) for reply in replies)
        (made,) = await connection.ask(("HSET", "s3:view", "epoch", 2))
        assert isinstance(made, NoPermissionError) == redis_server.program.name.startswith("valkey-9")
    finally:
        connection.abort()
    assert await administrator.in_slot(0, ("HGETALL", "s0:view")) == [b"epoch", b"1"]


async def test_its_own_is_allowed(own: Connection) -> None:
    """The same commands on its own keys, or the table would prove nothing."""
    commands = [
        tuple("s3:new" if word == f"s{OTHER}:view" else word for word in refused.command)
        for refused in FOREIGN_KEYS[:13]
    ]
    for command in commands:
        (reply,) = await own.ask(command)
        assert not isinstance(reply, NoPermissionError), command
    assert {str(command[0]).lower() for command in commands} | {"multi", "exec", "unwatch", "time"} == set(
        slot_user.COMMANDS
    )


async def test_the_server_knows_the_hash_of_the_secret_only(own: Connection, administrator: Administrator) -> None:
    """So nobody who reads the server's logs, or watches it, learns what would let them in."""
    assert await own.ask(("TIME",))
    (users,) = await administrator.ask(("ACL", "LIST"))
    assert SECRET not in repr(users)
    assert SECRET not in repr(slot_user.admit(SLOT, SECRET, has_database_rules=True))
