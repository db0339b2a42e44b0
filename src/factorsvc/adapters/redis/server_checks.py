"""Whether a server can be used at all: looked at before the first claim, so that who runs it learns what to change."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.exceptions import NoPermissionError, ResponseError

from factorsvc.adapters.redis import slot_user, survey
from factorsvc.adapters.redis.connection import Command, Connection, Login, NoAnswerError, RefusedError, Server
from factorsvc.domain.errors import StorageMismatchError, StorageUnavailableError
from factorsvc.domain.slot import SLOTS

OLDEST = (6, 2)
"""Older ones let a WATCH miss that what it watches expires, or know too little of users."""
_QUESTIONS: Sequence[Command] = (
    *survey.QUESTIONS,
    ("CLIENT", "SETNAME", ""),
    ("CONFIG", "GET", "databases"),
    ("CONFIG", "GET", "maxmemory-policy"),
)
_FOREIGN: Sequence[Command] = (("SELECT", 1), ("HLEN", "s1:view"), ("DBSIZE",), ("CLIENT", "LIST"))
"""What a user of slot 0 must not, and what does no harm where it may."""


class Judgement(NamedTuple):
    """What is to be said of a server."""

    faults: tuple[str, ...] = ()
    """Reasons not to use it."""
    warnings: tuple[str, ...] = ()
    """Things to know."""


def judge(info: str, databases: int | None, policy: str | None) -> Judgement:
    """Judge a server by its `INFO server`, and by two settings, None where it does not tell."""
    faults, warnings = [], []
    server = survey.read_server(info)
    mode = survey.fields_of(info).get("redis_mode", "standalone")
    if server.name == "redis" and server.version < OLDEST:
        faults.append(f"it is Redis {server.version[0]}.{server.version[1]}, and must be 6.2 or newer, or Valkey")
    if mode != "standalone":
        faults.append(f"it runs as {mode}, and must be one server by itself: only that has {SLOTS} databases")
    if policy is None:
        warnings.append("it does not tell its maxmemory-policy: see to it that it is noeviction")
    elif policy != "noeviction":
        faults.append(f"its maxmemory-policy is {policy}, which removes leases and values, and must be noeviction")
    if databases is None:
        warnings.append(f"it does not tell how many databases it has; {SLOTS} are needed for {SLOTS} replicas")
    elif databases < SLOTS:
        warnings.append(f"it has {databases} databases: slots 0 to {databases - 1} exist, further replicas stand by")
    return Judgement(tuple(faults), tuple(warnings))


async def check_server(server: Server, login: Login) -> tuple[str, ...]:
    """Look at everything, and try whether a slot's user would really be confined; return what there is to warn of.

    Raises:
        StorageMismatchError: it cannot be used, and all that is wrong with it is said at once; or it cannot even be
            looked at, as it refuses the login.
        StorageUnavailableError: it does not answer, which may pass.
    """
    try:
        async with _connected(server, login) as connection:
            replies = await connection.ask(*_QUESTIONS)
            refused = [question for question, reply in zip(_QUESTIONS[:4], replies, strict=False) if _is_error(reply)]
            if refused:
                raise StorageMismatchError([f"it does not permit {' '.join(map(str, each))}" for each in refused])
            *_, databases, policy = (_setting(reply) for reply in replies)
            info = replies[0].decode()
            faults, warnings = judge(info, None if databases is None else int(databases), policy)
            faults += await _confinement_faults(server, connection, survey.read_server(info))
    except RefusedError as error:
        raise StorageMismatchError(["it refuses this user or this password"]) from error
    except NoAnswerError as error:
        raise StorageUnavailableError from error
    if faults:
        raise StorageMismatchError(faults)
    return warnings


async def _confinement_faults(server: Server, connection: Connection, facts: survey.ServerFacts) -> tuple[str, ...]:
    """Make a user as of slot 0, and try what it must not do."""
    name, secret = f"factorsvc-probe-{secrets.token_hex(8)}", secrets.token_hex()
    rules = slot_user.rules(0, secret, has_database_rules=facts.has_database_rules)
    (made,) = await connection.ask(("ACL", "SETUSER", name, *rules))
    if _is_error(made):
        return (f"it does not permit to administrate its users (ACL SETUSER): {made}",)
    try:
        async with _connected(server, Login(name, secret)) as probe:
            replies = await probe.ask(*_FOREIGN)
    finally:
        (removed,) = await connection.ask(("ACL", "DELUSER", name))
    permitted = [
        f"it does not keep a slot's user from {' '.join(map(str, each))}"
        for each, reply in zip(_FOREIGN, replies, strict=True)
        if not isinstance(reply, NoPermissionError)
    ]
    if _is_error(removed):
        permitted.append(f"it does not permit to administrate its users (ACL DELUSER): {removed}")
    return tuple(permitted)


@asynccontextmanager
async def _connected(server: Server, login: Login) -> AsyncIterator[Connection]:
    connection = Connection(server, login, 0)
    await connection.connect()
    try:
        yield connection
    finally:
        connection.abort()


def _is_error(reply: Any) -> bool:
    return isinstance(reply, ResponseError)


def _setting(reply: Any) -> str | None:
    """The value in a reply to CONFIG GET; None where managed servers refuse it, or say nothing."""
    return reply[1].decode() if isinstance(reply, list) and reply else None
