"""What may happen to everybody: time passes, the journal is compacted, Redis forgets or is full."""

from collections.abc import Iterator
from functools import partial

from tests.journal.servers import RETENTION_S
from tests.journal.world import Move, World

TICK_S = 1.25
"""Longer than a ttl of a second, and than what lies between two looks of housekeeping."""
DEADLINE_S = 4.5
"""Longer than what is left of a POST's time after a tick."""


def seconds(world: World) -> Iterator[Move]:
    """A little time passes."""
    yield Move("a second passes", partial(_pass, world, TICK_S))


def deadlines(world: World) -> Iterator[Move]:
    """So much time passes that a POST under way is too late."""
    yield Move("a POST's time passes", partial(_pass, world, DEADLINE_S))


def _pass(world: World, seconds: float) -> None:
    world.servers.now += seconds
    for process in world.running:
        process.renew()
        for call in list(process.under_way):
            if call.deadline is not None and call.deadline <= world.servers.now and call.method != "take":
                world.postpone(f"{process}: {call.name}", call)
                world.lose(process, call)


def days(world: World) -> Iterator[Move]:
    """So much time passes that tombstones may be dropped; no call waits so long, and who runs has kept its lease."""
    yield Move("a day passes", partial(_age, world))


def _age(world: World) -> None:
    for process in world.running:
        for call in list(process.under_way):
            world.postpone(f"{process}: {call.name}", call)
            world.lose(process, call)
    for process in world.running:
        process.renew()
    world.servers.now += RETENTION_S + 1
    for process in world.running:
        if process.claim is not None and not process.is_fenced:
            process.claim.lease.renewed(world.servers.now)


def compactions(world: World) -> Iterator[Move]:
    """The journal is compacted as far as that goes."""
    if world.servers.journal.settings:
        yield Move("compaction", partial(_compact, world))


def _compact(world: World) -> None:
    for class_id in world.servers.classes:
        world.servers.journal.compact(class_id)


def cleanings(world: World) -> Iterator[Move]:
    """A part of the journal is compacted, with another part of it in mind."""
    for label, act in world.servers.cleanings():
        yield Move(label, act)


def droppings(world: World) -> Iterator[Move]:
    """Old tombstones are dropped."""
    for label, partition, left in world.servers.droppings():
        yield Move(f"drop {label}", partial(partition.replace, left))


def wipes(world: World) -> Iterator[Move]:
    """Redis loses everything but its users."""
    yield Move("FLUSHALL", world.servers.redis.wipe)


def saves(world: World) -> Iterator[Move]:
    """Redis will not lose what it has now."""
    yield Move("Redis saves", world.servers.redis.save)


def restarts(world: World) -> Iterator[Move]:
    """Redis comes back as it was saved, without its users."""
    redis = world.servers.redis
    yield Move("Redis restarts and loses what it has not saved", partial(redis.restart, lose_unsaved=True))


def reconnects(world: World) -> Iterator[Move]:
    """Redis comes back as it was saved, with its users."""
    yield Move("Redis restarts, but keeps its users", partial(_reconnect, world))


def _reconnect(world: World) -> None:
    redis = world.servers.redis
    users = dict(redis._users)
    redis.restart(lose_unsaved=True)
    redis._users.update(users)
    for process in world.processes:
        process.cut_writer()


def fullness(world: World) -> Iterator[Move]:
    """Redis takes no more writes, or takes them again."""
    redis = world.servers.redis
    yield Move("Redis has room" if redis.full else "Redis is full", partial(setattr, redis, "full", not redis.full))
