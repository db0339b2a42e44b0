"""P2: a replica that is frozen past its lease, and wakes up when its slot is another's."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from factorsvc.adapters.redis.connection import Connection, Server
from factorsvc.adapters.redis.refusals import require_done
from factorsvc.adapters.redis.slot_user import name_of
from tests.cli.command import PATIENCE_S
from tests.contracts.server import until
from tests.redis.serving import Service, found_in, service
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer

TRUSTS_ITS_LEASE = """
from factorsvc.domain.slot import Lease
Lease.is_sure = lambda self, now: True
"""
"""Takes away what a replica itself does for its safety: that it does not use a slot when its lease has run out."""


async def lease_is_over(server: RedisServer, slot: int) -> None:
    """Return when `slot` has no lease."""
    administrator = Administrator(server)

    async def is_over() -> bool:
        return not await administrator.in_slot(slot, ("EXISTS", f"s{slot}:lease"))

    await until(is_over)
    administrator.close()


async def values_in(server: RedisServer, slot: int) -> dict[bytes, list[bytes]]:
    """All that a database says of values."""
    connection = Connection(Server(HOST, server.port), SHARED, slot)
    await connection.connect()
    try:
        (keys,) = require_done(await connection.ask(("KEYS", f"s{slot}:[vpx]:*")))
        reads = [("HGETALL" if b":v:" in key else "ZRANGE", key, *(() if b":v:" in key else (0, -1))) for key in keys]
        return dict(zip(keys, require_done(await connection.ask(*reads)), strict=True))
    finally:
        connection.abort()


async def refused_users(server: RedisServer) -> set[str]:
    """As whom somebody has been refused."""
    administrator = Administrator(server)
    (log,) = await administrator.ask(("ACL", "LOG"))
    administrator.close()
    entries = [dict(zip(entry[::2], entry[1::2], strict=True)) for entry in log]
    return {entry[b"username"].decode() for entry in entries}


@contextmanager
def asked(replica: Service, method: str, path: str, body: str | None = None) -> Iterator[HTTPConnection]:
    """A request that is on its way: the system has it, whether or not the replica runs."""
    connection = HTTPConnection(HOST, replica.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body)
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize("script", ["", TRUSTS_ITS_LEASE], ids=["as it is", "trusting its lease"])
def test_who_wakes_up_in_another_s_slot_neither_answers_nor_writes(empty_server: RedisServer, script: str) -> None:
    """It does not answer what it was asked while it slept; it goes on in another slot, and its former one is as it was.

    That it looks at its lease is one guard, and the server is the other: each is enough. A POST needs no database, so
    it may be taken even then.
    """
    with service(empty_server, script=script, lease_ttl_s=1) as sleeper:
        slot = sleeper.command.event("slot_claimed")["slot"]
        sleeper.command.event("ready")
        assert sleeper.post([120]).status_code == 200
        assert found_in(sleeper.client.get("/values/5")) == {120}
        sleeper.command.signal(signal.SIGSTOP)
        asyncio.run(lease_is_over(empty_server, slot))
        with service(empty_server, lease_ttl_s=30) as owner:
            assert owner.command.event("slot_claimed")["slot"] == slot, "a free slot with a view comes first"
            owner.command.event("ready")
            assert owner.post([35]).status_code == 200
            assert found_in(owner.client.get("/values/5")) == {35}
            before = asyncio.run(values_in(empty_server, slot))

            with asked(sleeper, "GET", "/values/5") as get, asked(sleeper, "POST", "/values", "[55]") as post:
                sleeper.command.signal(signal.SIGCONT)
                assert get.getresponse().status == 503
                is_stored = post.getresponse().status == 200
            assert sleeper.command.event("slot_lost")["slot"] == slot
            assert sleeper.command.event("slot_claimed")["slot"] != slot
            sleeper.command.event("ready")
            assert found_in(sleeper.client.get("/values/5")) == ({120, 55} if is_stored else {120})

            assert found_in(owner.client.get("/values/5")) == {35}
            assert asyncio.run(values_in(empty_server, slot)) == before
            if script:
                assert name_of(slot) in asyncio.run(refused_users(empty_server))
