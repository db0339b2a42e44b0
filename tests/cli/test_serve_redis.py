"""`factorsvc serve` on a real Redis: what becomes of its slot, and what it does while the server is away."""

import asyncio
import signal
import socket
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.cli.command import PATIENCE_S, Command, running
from tests.redis.serving import WITHOUT_KAFKA
from tests.servers.administrator import Administrator
from tests.servers.redis_server import HOST, PASSWORD, RedisServer

JSON = {"content-type": "application/json"}


def settings_for(port: int) -> Mapping[str, object]:
    """A replica that has its slot in the Redis at `port`."""
    redis = {"redis_host": HOST, "redis_port": port, "redis_password": PASSWORD}
    return {"backend": "cluster", "http_port": 0, "drain_delay_s": 0, **redis}


def client_of(command: Command) -> httpx.Client:
    """A client of a replica that says where it listens."""
    port = command.event("listening")["port"]
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S)


def leased(server: RedisServer) -> list[str]:
    """The databases that have a lease."""

    async def keyspace() -> str:
        administrator = Administrator(server)
        (said,) = await administrator.ask(("INFO", "keyspace"))
        administrator.close()
        return str(said, "utf-8")

    return [line.partition(":")[0] for line in asyncio.run(keyspace()).splitlines() if "expires=1" in line]


@pytest.fixture
def empty_redis(redis_server: RedisServer) -> RedisServer:
    """A server that holds nothing."""

    async def empty() -> None:
        administrator = Administrator(redis_server)
        await administrator.begin_anew()
        administrator.close()

    asyncio.run(empty())
    return redis_server


def test_a_replica_holds_its_slot_until_it_is_drained(empty_redis: RedisServer) -> None:
    """The two calls of the design give their exact bodies, and no log line has the password."""
    with (
        running("serve", settings=settings_for(empty_redis.port), script=WITHOUT_KAFKA) as command,
        client_of(command) as client,
    ):
        slot = command.event("slot_claimed")["slot"]
        command.event("ready")
        stored = client.post("/values?ttl=300", content=b"[144,120]", headers=JSON)
        found = client.get("/values/5")
        assert stored.status_code == 200
        assert found.content == b'[{"value":120,"prime_factors":[2,2,2,3,5]}]'
        assert leased(empty_redis) == [f"db{slot}"]

        command.signal(signal.SIGTERM)
        assert command.event("slot_released")["slot"] == slot
        assert command.exit_code() == 0
        assert leased(empty_redis) == []
        command.rest()
        assert PASSWORD not in command.said


def test_a_replica_whose_redis_is_away_lives_and_is_not_ready() -> None:
    """It tries again until it is stopped; what load balancers are told is to go elsewhere."""
    with socket.create_server((HOST, 0)) as nobody:
        port = nobody.getsockname()[1]
    with running("serve", settings=settings_for(port), script=WITHOUT_KAFKA) as command, client_of(command) as client:
        command.event("not_ready")
        answers: list[Any] = [client.get("/healthz").status_code, client.get("/readyz").status_code]
        posted = client.post("/values", content=b"[6]", headers=JSON)
        assert answers == [200, 503]
        assert (posted.status_code, posted.json()["type"]) == (503, "urn:factorsvc:problem:not-ready")

        command.signal(signal.SIGTERM)
        assert command.exit_code() == 0


def test_a_redis_that_cannot_be_used_is_one_line(empty_redis: RedisServer) -> None:
    """Who runs it learns what to change, and nothing of the password that was tried; the exit code is 1."""
    wrong = {**settings_for(empty_redis.port), "redis_password": "s3cret"}
    with running("serve", settings=wrong, script=WITHOUT_KAFKA) as command:
        assert command.exit_code() == 1
        _, said = command.rest()
        assert said == ["factorsvc: Redis cannot be used: it refuses this user or this password"]
        assert "s3cret" not in command.said
