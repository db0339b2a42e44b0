"""What can be seen of the server and of all slots without entering any, in one round trip (design 5, step 1)."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.slot_user import name_of
from factorsvc.domain.slot import SLOTS, SlotSight, Survey

QUESTIONS: Sequence[Command] = (("INFO", "server"), ("INFO", "keyspace"), ("CLIENT", "LIST"))
_KEYS_WITHOUT_A_VALUE = 1
"""The hash of the view. One that holds nothing else saves its next holder nothing."""


class ServerFacts(NamedTuple):
    """Which server it is."""

    name: str
    """`redis` or `valkey`."""
    version: tuple[int, int]
    up_s: int

    @property
    def has_database_rules(self) -> bool:
        """Tell whether a user can be confined to databases as such."""
        return self.name == "valkey" and self.version >= (9, 1)


def claimer_of(slot: int) -> str:
    """The name that a connection has while it claims `slot`, which shows others that somebody is there."""
    return f"factorsvc-claims-{slot}"


def read_survey(replies: Sequence[Any]) -> tuple[ServerFacts, Survey]:
    """Understand the replies to `QUESTIONS`.

    A lease is the only key with an expiry; one that has expired is removed, and no longer counted, within 0.2 s.
    """
    info, keyspace = (reply.decode("utf-8", "replace") for reply in replies[:2])
    server = read_server(info)
    there = connected_slots(replies[2])
    databases = fields_of(keyspace)
    slots = []
    for slot in range(SLOTS):
        counts = dict(count.split("=") for count in databases.get(f"db{slot}", "keys=0,expires=0").split(","))
        keys, leases = int(counts["keys"]), int(counts["expires"])
        slots.append(SlotSight(leases > 0, keys - leases > _KEYS_WITHOUT_A_VALUE, slot in there))
    return server, Survey(tuple(slots), server.up_s)


def connected_slots(clients: bytes) -> set[int]:
    """The slots that somebody is connected to as their user, or by that name, or is claiming, by `CLIENT LIST`."""
    there = set(_seen_of(clients.decode("utf-8", "replace")))
    traces = {
        slot: {f"user={name_of(slot)}", f"name={name_of(slot)}", f"name={claimer_of(slot)}"} for slot in range(SLOTS)
    }
    return {slot for slot, trace in traces.items() if not there.isdisjoint(trace)}


def read_server(info: str) -> ServerFacts:
    """Understand `INFO server`. Valkey says which Redis it is like, and beside that its own version."""
    fields = fields_of(info)
    is_valkey = "valkey_version" in fields
    major, minor, *_ = fields["valkey_version" if is_valkey else "redis_version"].split(".")
    return ServerFacts("valkey" if is_valkey else "redis", (int(major), int(minor)), int(fields["uptime_in_seconds"]))


def fields_of(info: str) -> dict[str, str]:
    """What a section of INFO says, by name."""
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)


def _seen_of(clients: str) -> Iterator[str]:
    for line in clients.splitlines():
        yield from (field for field in line.split(" ") if field.startswith(("user=", "name=")))
