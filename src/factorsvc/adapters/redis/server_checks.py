"""Whether a server can be used at all: looked at before the first claim, so that who runs it learns what to change."""

from collections.abc import Sequence
from typing import Any

from factorsvc.adapters.redis import survey
from factorsvc.adapters.redis.confinement import SLOT_USERS, Confinement
from factorsvc.adapters.redis.confinement_probe import Judgement, connected, is_error
from factorsvc.adapters.redis.connection import Command, Login, NoAnswerError, RefusedError, Server
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


async def check_server(server: Server, login: Login, confinement: Confinement = SLOT_USERS) -> tuple[str, ...]:
    """Look at everything, and try whether replicas would really be confined; return what there is to warn of.

    Raises:
        StorageMismatchError: it cannot be used, and all that is wrong with it is said at once; or it cannot even be
            looked at, as it refuses the login.
        StorageUnavailableError: it does not answer, which may pass.
    """
    try:
        async with connected(server, login) as connection:
            replies = await connection.ask(*_QUESTIONS)
            refused = [question for question, reply in zip(_QUESTIONS[:4], replies, strict=False) if is_error(reply)]
            if refused:
                raise StorageMismatchError([f"it does not permit {' '.join(map(str, each))}" for each in refused])
            *_, databases, policy = (_setting(reply) for reply in replies)
            info = replies[0].decode()
            faults, warnings = judge(info, None if databases is None else int(databases), policy)
            tried = await confinement.probe(server, connection, survey.read_server(info))
            faults, warnings = faults + tried.faults, warnings + tried.warnings
    except RefusedError as error:
        raise StorageMismatchError(["it refuses this user or this password"]) from error
    except NoAnswerError as error:
        raise StorageUnavailableError from error
    if faults:
        raise StorageMismatchError(faults)
    return warnings


def _setting(reply: Any) -> str | None:
    """The value in a reply to CONFIG GET; None where managed servers refuse it, or say nothing."""
    return reply[1].decode() if isinstance(reply, list) and reply else None
