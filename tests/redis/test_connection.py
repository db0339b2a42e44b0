"""One connection: whole answers in time, or its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from factorsvc.adapters.redis.connection import Connection, Login, NoAnswerError, RefusedError, Server
from tests.contracts.server import within
from tests.contracts.slots_server import Trouble
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, PASSWORD, RedisServer
from tests.servers.troubled_redis import TroubledRedis

PATIENT_S = 20.0
HASTY_S = 0.05
"""How long what surely gets no answer is waited for."""


@pytest.fixture
async def way(redis_server: RedisServer) -> AsyncIterator[TroubledRedis]:
    way = TroubledRedis(redis_server.port)
    yield way
    await way.close()


@pytest.fixture
async def connection(way: TroubledRedis, administrator: Administrator) -> AsyncIterator[Connection]:
    await administrator.begin_anew()
    door = await way.door()
    connection = Connection(Server(HOST, door.port, timeout_s=PATIENT_S), SHARED, 3)
    await connection.connect()
    yield connection
    connection.abort()


async def test_replies_come_whole_and_in_order(connection: Connection) -> None:
    """Bytes, integers, None, lists; an error stands in its place, and the others are there."""
    replies = await connection.ask(
        ("SET", "a", b"\r\n\x00"), ("GET", "a"), ("GET", "b"), ("LPUSH", "a", 1), ("MGET", "a", "b"), ("DEL", "a")
    )
    assert isinstance(replies[3], ResponseError)
    assert [*replies[:3], *replies[4:]] == [b"OK", b"\r\n\x00", None, [b"\r\n\x00", None], 1]


async def test_a_large_batch_is_one(connection: Connection) -> None:
    """More than any buffer on the way holds, in both directions."""
    text = b"x" * 100_000
    assert await connection.ask(*[("ECHO", text)] * 100) == [text] * 100


async def test_it_is_in_its_database(connection: Connection, administrator: Administrator) -> None:
    """From the first command on."""
    await connection.ask(("SET", "s3:view", "here"))
    assert await administrator.in_slot(3, ("GET", "s3:view")) == b"here"


async def test_it_says_nothing_of_itself(connection: Connection, administrator: Administrator) -> None:
    """No name, no library: a slot's user has no right to either, and ACL LOG would be full of it."""
    assert await connection.ask(("PING",)) == [b"PONG"]
    (clients,) = await administrator.ask(("CLIENT", "LIST"))
    (own,) = (line for line in clients.decode().splitlines() if " db=3 " in line)
    assert " name= " in own
    assert "lib-name=redis-py" not in own


async def test_silence_ends_it(way: TroubledRedis, connection: Connection) -> None:
    """Nobody waits for ever, and the late answer is never another's: the connection is over."""
    connection._timeout_s = HASTY_S
    way.trouble(Trouble.STALLED)
    with pytest.raises(NoAnswerError) as raised:
        await connection.ask(("ECHO", "late"))
    assert raised.value.sent
    assert not raised.value.hung_up
    await way.heal()
    with pytest.raises(NoAnswerError) as raised:
        await connection.ask(("ECHO", "next"))
    assert not raised.value.sent


async def test_silence_while_connecting_ends_it(way: TroubledRedis) -> None:
    """The deadline holds for the way there, and for each step of logging in."""
    door = await way.door()
    for passed in range(2):
        connection = Connection(Server(HOST, door.port, timeout_s=HASTY_S), SHARED, 3)
        way.trouble(Trouble.STALLED, passed)
        with pytest.raises(NoAnswerError) as raised:
            await connection.connect()
        assert not raised.value.sent
        assert connection.is_broken
        await way.heal()


async def test_cancellation_ends_it(way: TroubledRedis, connection: Connection) -> None:
    """The answer that is still to come is nobody's."""
    way.trouble(Trouble.STALLED)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(connection.ask(("ECHO", "late")))
        await within(way.met())
        task.cancel()
    assert task.cancelled()
    assert connection.is_broken
    await way.heal()
    with pytest.raises(NoAnswerError):
        await connection.ask(("ECHO", "next"))


async def test_what_was_not_sent_in_time_never_is() -> None:
    """A server that reads on only later gets no more than what was on its way, and nothing whole of it."""
    reads_on, size = asyncio.Event(), 1 << 25
    received = asyncio.Queue[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reads_on.wait()
        count = 0
        with suppress(ConnectionError):
            while piece := await reader.read(1 << 20):
                count += len(piece)
        received.put_nowait(count)
        writer.transport.abort()

    server = await asyncio.start_server(serve, HOST, 0)
    connection = Connection(Server(HOST, server.sockets[0].getsockname()[1], timeout_s=PATIENT_S), Login("default"), 0)
    await connection.connect()
    connection._timeout_s = HASTY_S
    with pytest.raises(NoAnswerError):
        await connection.ask(("SET", "s0:view", b"x" * size))
    reads_on.set()
    assert await within(received.get()) < size
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("passed", [0, 1, 2], ids=["AUTH", "SELECT", "ECHO"])
async def test_an_end_from_this_side_waits_for_nothing(way: TroubledRedis, passed: int) -> None:
    """Whoever waits learns it at once, be it for the connection or for an answer."""
    door = await way.door()
    connection = Connection(Server(HOST, door.port, timeout_s=PATIENT_S), SHARED, 3)

    async def use() -> None:
        await connection.connect()
        await connection.ask(("ECHO", "never"))

    way.trouble(Trouble.STALLED, passed)
    async with asyncio.timeout(PATIENT_S / 2), asyncio.TaskGroup() as group:
        using = group.create_task(_raises_no_answer(use()))
        await way.met()
        connection.abort()
    assert using.result()


async def test_an_end_from_this_side_does_not_wait_for_a_way_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is a connection to be closed, too."""
    begun = asyncio.Event()

    async def never_connected(**_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "open_connection", never_connected)
    connection = Connection(Server(HOST, 1, timeout_s=PATIENT_S), SHARED, 3)
    async with asyncio.timeout(PATIENT_S / 2), asyncio.TaskGroup() as group:
        connecting = group.create_task(_raises_no_answer(connection.connect()))
        await begun.wait()
        connection.abort()
    assert connecting.result()


@pytest.mark.parametrize("trouble", [Trouble.REQUEST_LOST, Trouble.ANSWER_LOST])
async def test_a_server_that_hangs_up_is_told_from_one_that_is_silent(
    way: TroubledRedis, connection: Connection, trouble: Trouble
) -> None:
    """Only then it can have been a fence."""
    way.trouble(trouble)
    with pytest.raises(NoAnswerError) as raised:
        await connection.ask(("ECHO", "never"))
    assert raised.value.hung_up
    assert raised.value.sent


async def test_what_was_surely_not_sent_is_known(way: TroubledRedis, connection: Connection) -> None:
    """The end of a connection is seen before anything is sent over it, even by who looks at once."""
    way.trouble(Trouble.REFUSED, lasting=True)
    with pytest.raises(NoAnswerError) as raised:
        await connection.ask(("SET", "a", "b"))
    assert not raised.value.sent
    assert raised.value.hung_up


@pytest.mark.parametrize("login", [Login("default", "guess"), Login("nobody", PASSWORD)])
async def test_a_refused_login_is_told_from_all_else(redis_server: RedisServer, login: Login) -> None:
    """To try again does not help; and it was tried once only."""
    connection = Connection(Server(HOST, redis_server.port), login, 0)
    with pytest.raises(RefusedError):
        await connection.connect()
    assert connection.is_broken


async def test_nobody_is_told_a_password(redis_server: RedisServer) -> None:
    """Neither who prints a login, nor who reads an error with all its causes."""
    login = Login("default", "a guess")
    assert "a guess" not in repr(login)
    with pytest.raises(RefusedError) as raised:
        await Connection(Server(HOST, redis_server.port), login, 0).connect()
    assert "a guess" not in "".join(map(repr, _causes(raised.value)))


async def test_a_refused_command_is_an_answer(redis_server: RedisServer, administrator: Administrator) -> None:
    """What it means is for whoever asked to say."""
    await administrator.ask(("ACL", "SETUSER", "somebody", "on", ">secret", "-@all", "+time"))
    connection = Connection(Server(HOST, redis_server.port), Login("somebody", "secret"), 0)
    await connection.connect()
    try:
        (reply, _) = await connection.ask(("GET", "a"), ("TIME",))
        assert isinstance(reply, NoPermissionError)
        await administrator.ask(("ACL", "DELUSER", "somebody"))
        with pytest.raises(NoAnswerError) as raised:
            await connection.ask(("TIME",))
        assert raised.value.hung_up
    finally:
        connection.abort()


async def _raises_no_answer(operation: Coroutine[None, None, None]) -> bool:
    with pytest.raises(NoAnswerError):
        await operation
    return True


def _causes(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_causes(error.__cause__ or error.__context__)]
