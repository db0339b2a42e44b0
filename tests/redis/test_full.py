"""P4, P5: a Redis without room under three serving replicas, which go on when values that have expired make some."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import count

import pytest

from factorsvc.adapters.redis.connection import Command, Connection, Server
from factorsvc.adapters.redis.layout import present_in
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.adapters.redis.survey import fields_of
from factorsvc.domain.slot import SLOTS
from factorsvc.domain.value import primes_of
from tests.contracts.server import until
from tests.redis.serving import THREE, Poll, found_in, service
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer

FIVES = {5 * number for number in range(1, 61)}
ELEVENS = {11 * number for number in range(1, 1_000) if number % 5}
PASSING = [7 * number for number in range(10_000, 18_000) if number % 5]
TTL_S = 20
TOO_MUCH = 1_000_000
"""How many bytes less than it has the server may have: less than `PASSING` takes, more than its buffers do."""
BURY_SOON = """
from factorsvc.container import Container
Container.policy.add_kwargs(bury_after_s=1.0)
"""
LEASE_TTL_S = 1


async def leave_no_room(server: RedisServer) -> None:
    administrator = Administrator(server)
    (info,) = await administrator.ask(("INFO", "memory"))
    await administrator.limit_memory(int(fields_of(info.decode())["used_memory"]) - TOO_MUCH)
    administrator.close()


async def is_whole(server: RedisServer) -> bool:
    """Tell whether in each database every state has its members in the index, and every member has its state."""
    return all([await is_whole_in(server, slot) for slot in range(SLOTS)])


async def is_whole_in(server: RedisServer, slot: int) -> bool:
    connection = Connection(Server(HOST, server.port), SHARED, slot)
    await connection.connect()

    async def ask(*commands: Command) -> Sequence[list[bytes]]:
        return require_done(await connection.ask(*commands)) if commands else []

    try:
        (keys,) = await ask(("KEYS", "*"))
        states, sets = [sorted(key for key in keys if b":%b:" % kind in key) for kind in (b"v", b"p")]
        stated = await ask(*(("HGETALL", key) for key in states))
        members = await ask(*(("ZRANGE", key, 0, -1) for key in sets))
    finally:
        connection.abort()
    wanted = {entry for key, texts in zip(states, stated, strict=True) for entry in index_of(key, texts)}
    there = {(key, member) for key, some in zip(sets, members, strict=True) for member in some}
    return wanted == there


def index_of(key: bytes, texts: list[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """The members that the states of one class must have, each with its key."""
    prefix, _, class_id = key.split(b":")
    for value, text in zip(texts[::2], texts[1::2], strict=True):
        member = present_in(value, text).member
        for prime in primes_of(member):
            yield b"%b:p:%b:%b" % (prefix, prime, class_id), member


@pytest.mark.timeout(120)  # values must expire in real time, and not before all else is seen
def test_a_full_redis_loses_nothing_and_goes_on_when_values_expire(empty_server: RedisServer) -> None:
    """No slot is lost, GETs of what is applied go on, POSTs get 507, nothing is half applied, and what was taken stays.

    From when a POST was taken that cannot be applied, a GET cannot be whole and is a 503, until there is room.
    """
    with service(empty_server, script=THREE + BURY_SOON, lease_ttl_s=LEASE_TTL_S) as serving:
        serving.settle(3)
        assert serving.post(sorted(FIVES)).status_code == 200
        assert serving.post(PASSING, TTL_S).status_code == 200
        with Poll(serving, 5, FIVES) as poll:
            poll.until_whole()
            asyncio.run(leave_no_room(empty_server))
            lapsed = time.monotonic() + 2 * LEASE_TTL_S
            while time.monotonic() < lapsed:
                poll.until_whole()
            assert poll.unavailable == 0

            assert serving.post(sorted(ELEVENS)).status_code == 200
            taken, more = set(ELEVENS), (11 * number for number in count(1_000) if number % 5)
            while (refused := serving.post([next(more)])).status_code == 200:
                taken |= found_in(refused)
            assert (refused.status_code, refused.json()["type"]) == (507, "urn:factorsvc:problem:full")
            poll.until_unavailable()
            assert asyncio.run(is_whole(empty_server))

            poll.until_whole(9)
        for prime in (7, 11):
            kept = {value for value in taken | FIVES if value % prime == 0}
            assert found_in(serving.client.get(f"/values/{prime}")) == kept
        while (stored := serving.post([13 * 17])).status_code == 507:
            assert serving.client.get("/readyz").status_code == 200, "a full database is no reason to go elsewhere"
        assert stored.status_code == 200
        asyncio.run(until(partial(is_whole, empty_server)))
        assert "slot_lost" not in serving.command.said
