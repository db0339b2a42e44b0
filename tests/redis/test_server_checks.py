"""What is said of a server that cannot be used, or not as it should be."""

import pytest

from factorsvc.adapters.redis import confinement_probe, slot_user
from factorsvc.adapters.redis.connection import Login, Server
from factorsvc.adapters.redis.server_checks import check_server, judge
from factorsvc.domain.errors import StorageMismatchError, StorageUnavailableError
from tests.contracts.server import until
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer

REDIS = "# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\nuptime_in_seconds:5\r\n"
VALKEY = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nuptime_in_seconds:5\r\n"
GOOD = REDIS.format(version="6.2.14")


def at(server: RedisServer) -> Server:
    return Server(HOST, server.port, timeout_s=20.0)


@pytest.mark.parametrize("info", [GOOD, REDIS.format(version="7.0.15"), REDIS.format(version="10.0.1"), VALKEY])
def test_a_good_server_is_passed_over_in_silence(info: str) -> None:
    """6.2 or newer, 16 databases or more, nothing evicted."""
    assert judge(info, 16, "noeviction") == judge(info, 4_096, "noeviction") == ((), ())


@pytest.mark.parametrize("version", ["6.0.16", "5.0.14", "6.1.9"])
def test_an_old_server_is_at_fault(version: str) -> None:
    """Before 6.2 a claim could miss that the lease has expired."""
    faults, warnings = judge(REDIS.format(version=version), 16, "noeviction")
    assert [version.rpartition(".")[0] in fault for fault in faults] == [True]
    assert not warnings


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "volatile-lru", "allkeys-random"])
def test_a_server_that_evicts_is_at_fault(policy: str) -> None:
    """It would remove values, or leases, which alone have an expiry."""
    faults, _ = judge(GOOD, 16, policy)
    assert [policy in fault for fault in faults] == [True]


def test_a_cluster_is_at_fault() -> None:
    """It has one database."""
    faults, _ = judge(GOOD.replace("standalone", "cluster"), 16, "noeviction")
    assert ["cluster" in fault for fault in faults] == [True]


def test_few_databases_are_said() -> None:
    """There are fewer slots then, and those are named."""
    faults, warnings = judge(GOOD, 4, "noeviction")
    assert not faults
    assert ["slots 0 to 3" in warning for warning in warnings] == [True]


def test_what_a_server_does_not_tell_is_warned_of() -> None:
    """Managed servers refuse CONFIG GET."""
    faults, warnings = judge(GOOD, None, None)
    assert not faults
    assert len(warnings) == 2


def test_all_faults_are_said_at_once() -> None:
    """Whoever changes one setting should not find the next one only then."""
    faults, _ = judge(REDIS.format(version="5.0.1"), 16, "allkeys-lru")
    assert len(faults) == 2


async def test_the_test_servers_pass(redis_server: RedisServer, administrator: Administrator) -> None:
    """Nothing is wrong with them, and to look leaves nothing behind: no user, no key, no connection."""
    assert await check_server(at(redis_server), SHARED) == ()
    assert await administrator.ask(("ACL", "USERS"), ("INFO", "keyspace")) == [[b"default"], b"# Keyspace\r\n"]
    await until(lambda: _is_alone(administrator))


@pytest.mark.parametrize("login", [Login("default", "guess"), Login("nobody", "guess"), Login("default")])
async def test_a_refused_login_is_said_to_be_that(redis_server: RedisServer, login: Login) -> None:
    """Wrong password, unknown user, no password; and the message has none."""
    with pytest.raises(StorageMismatchError) as raised:
        await check_server(at(redis_server), login)
    assert "guess" not in str(raised.value)


async def test_a_server_out_of_reach_may_come_back() -> None:
    """Nobody listens there: an error that passes, which names no address."""
    with pytest.raises(StorageUnavailableError) as raised:
        await check_server(Server(HOST, 1), SHARED)
    assert HOST not in str(raised.value)


@pytest.mark.parametrize(
    ("forbidden", "said"),
    [
        ("-acl", "ACL SETUSER"),
        ("-info", "INFO"),
        ("-client|list", "CLIENT LIST"),
        ("-client|setname", "CLIENT SETNAME"),
    ],
)
async def test_a_missing_right_is_named(
    redis_server: RedisServer, administrator: Administrator, forbidden: str, said: str
) -> None:
    """The credentials must allow to administrate users, and to see who is there."""
    granted = ["+@all", forbidden] if "|" not in forbidden else ["+@all", "-client", *_client_but(forbidden)]
    await administrator.ask(("ACL", "SETUSER", "replica", "reset", "on", ">secret", "~*", *granted))
    with pytest.raises(StorageMismatchError) as raised:
        await check_server(at(redis_server), Login("replica", "secret"))
    assert said in str(raised.value)


async def test_no_right_to_look_at_settings_is_warned_of(
    redis_server: RedisServer, administrator: Administrator
) -> None:
    """As on managed servers."""
    await administrator.ask(("ACL", "SETUSER", "replica", "reset", "on", ">secret", "~*", "+@all", "-config"))
    assert len(await check_server(at(redis_server), Login("replica", "secret"))) == 2


async def test_a_setting_that_evicts_is_found(redis_server: RedisServer, administrator: Administrator) -> None:
    """The policy is read from the server."""
    await administrator.ask(("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"))
    try:
        with pytest.raises(StorageMismatchError, match="allkeys-lru"):
            await check_server(at(redis_server), SHARED)
    finally:
        await administrator.ask(("CONFIG", "SET", "maxmemory-policy", "noeviction"))


async def test_a_server_that_confines_nobody_is_found_out(
    redis_server: RedisServer, administrator: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: it is tried whether foreign access is refused, rather than believed."""
    monkeypatch.setattr(slot_user, "rules", lambda _, secret, **_rest: ["reset", "on", f">{secret}", "~*", "+@all"])
    with pytest.raises(StorageMismatchError) as raised:
        await check_server(at(redis_server), SHARED)
    assert len(raised.value.faults) == len(confinement_probe.FOREIGN)
    assert await administrator.ask(("ACL", "USERS")) == [[b"default"]]


async def _is_alone(administrator: Administrator) -> bool:
    return await administrator.connections() == 1


def _client_but(forbidden: str) -> list[str]:
    return [f"+{each}" for each in ("client|list", "client|setname") if f"-{each}" != forbidden]
