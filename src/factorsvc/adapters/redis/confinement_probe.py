"""Whether a server really refuses a slot's user what is not its own: tried, rather than believed (design 5, step 8)."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from redis.exceptions import NoPermissionError, ResponseError

from factorsvc.adapters.redis import slot_user
from factorsvc.adapters.redis.connection import Command, Connection, Login, Server
from factorsvc.adapters.redis.survey import ServerFacts

FOREIGN: Sequence[Command] = (("SELECT", 1), ("HLEN", "s1:view"), ("DBSIZE",), ("CLIENT", "LIST"))
"""What a user of slot 0 must not, and what does no harm where it may."""
_ALTERNATIVE: Final = "FACTORSVC_REDIS_ACL=off does without, and gives up that the server confines replicas (P1)"


class Judgement(NamedTuple):
    """What is to be said of a server."""

    faults: tuple[str, ...] = ()
    """Reasons not to use it."""
    warnings: tuple[str, ...] = ()
    """Things to know."""


async def probe_confinement(server: Server, shared: Connection, facts: ServerFacts) -> tuple[str, ...]:
    """Make a user as of slot 0, try what it must not do, and return the faults that this shows.

    Raises:
        RefusedError, NoAnswerError: of either connection.
    """
    name, secret = f"factorsvc-probe-{secrets.token_hex(8)}", secrets.token_hex()
    rules = slot_user.rules(0, secret, has_database_rules=facts.has_database_rules)
    (made,) = await shared.ask(("ACL", "SETUSER", name, *rules))
    if is_error(made):
        return (f"it does not permit to administrate its users (ACL SETUSER): {made}; {_ALTERNATIVE}",)
    try:
        async with connected(server, Login(name, secret)) as probe:
            replies = await probe.ask(*FOREIGN)
    finally:
        (removed,) = await shared.ask(("ACL", "DELUSER", name))
    permitted = [
        f"it does not keep a slot's user from {' '.join(map(str, each))}"
        for each, reply in zip(FOREIGN, replies, strict=True)
        if not isinstance(reply, NoPermissionError)
    ]
    if is_error(removed):
        permitted.append(f"it does not permit to administrate its users (ACL DELUSER): {removed}; {_ALTERNATIVE}")
    return tuple(permitted)


@asynccontextmanager
async def connected(server: Server, login: Login) -> AsyncIterator[Connection]:
    """Be connected to database 0."""
    connection = Connection(server, login, 0)
    await connection.connect()
    try:
        yield connection
    finally:
        connection.abort()


def is_error(reply: Any) -> bool:
    """Tell whether a command was refused, or failed."""
    return isinstance(reply, ResponseError)
