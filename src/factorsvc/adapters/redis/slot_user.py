"""The server's user of a slot: all that a replica may do, in one place beside those who issue the commands (design 5).

A user is confined to one database by `+select|k` and to the slot's keys by a pattern, and has single commands only.
Never a category such as `+@write`, which has SWAPDB, FLUSHALL and COPY to other databases; never SCAN, KEYS, RANDOMKEY
or DBSIZE, which do not look at the pattern. To authenticate needs no right. What remains: a fresh connection stands in
database 0 until its own SELECT, where it could make keys of its own slot and see and touch no others; Valkey 9.1
refuses that too.
"""

from hashlib import sha256

from factorsvc.adapters.redis.connection import Command

COMMANDS = (
    "exec",
    "hdel",
    "hlen",
    "hmget",
    "hscan",
    "hset",
    "multi",
    "pexpire",
    "time",
    "unlink",
    "unwatch",
    "watch",
    "zadd",
    "zcard",
    "zrangebyscore",
    "zrem",
    "zscan",
)
"""Each of them is sent by the adapter, and none that is sent is missing; a test compares."""


def name_of(slot: int) -> str:
    """The user of `slot`."""
    return f"factorsvc-slot-{slot}"


def fence(slot: int) -> Command:
    """What cuts every connection of the slot's user, and makes its secret worthless.

    Nothing less does: `off`, another password, or a right taken away leave living connections as they are.
    """
    return "ACL", "DELUSER", name_of(slot)


def admit(slot: int, secret: str, *, has_database_rules: bool) -> Command:
    """What makes the slot's user anew, known by `secret`."""
    return "ACL", "SETUSER", name_of(slot), *rules(slot, secret, has_database_rules=has_database_rules)


def rules(slot: int, secret: str, *, has_database_rules: bool) -> list[str]:
    """What a user of `slot` may do, who is known by `secret`, of which the server is told the hash only.

    `has_database_rules` is for Valkey 9.1 and newer. `+select|k` counts as deprecated from Redis 7.0, and works in 8.2;
    `resetchannels` matters in 6.2, where a user may otherwise publish and subscribe.
    """
    password = f"#{sha256(secret.encode()).hexdigest()}"
    commands = [f"+{command}" for command in COMMANDS]
    databases = ["resetdbs", f"db={slot}"] if has_database_rules else []
    confined = ["resetkeys", f"~s{slot}:*", "resetchannels", "-@all", *commands, f"+select|{slot}", *databases]
    return ["reset", "on", password, *confined]
