"""What may become of a process: it starts, takes POSTs, loses its classes or its slot, freezes, wakes and dies."""

from collections.abc import Iterator
from functools import partial

from tests.journal.process import Process
from tests.journal.truth import Post
from tests.journal.world import Move, World

ZOMBIES = 1
"""Processes that live on though another one has their slot, at most."""


def starts(world: World) -> Iterator[Move]:
    """A process starts in a slot that nobody is sure of, or claims its own one again."""
    if world.servers.redis.full:
        return
    zombies = sum(process not in world.holders for process in world.processes)
    for slot, holder in enumerate(world.holders):
        if holder is None or (zombies < ZOMBIES and (holder.is_frozen or not holder.is_sure)):
            yield Move(f"a process starts in slot {slot}", partial(start, world, slot))
        if holder is not None and not holder.is_frozen and not holder.has_tenure:
            yield Move(f"{holder} claims again", holder.begin_tenure, holder)


def start(world: World, slot: int) -> None:
    """Start a process in `slot`."""
    old = world.holders[slot]
    if old is not None and old.claim is not None:
        old.claim.lease.sure_until = min(old.claim.lease.sure_until, world.servers.now)
    number = 1 + sum(process.slot == slot for process in world.processes + world.dead)
    process = Process(
        world.servers,
        world.policy,
        slot,
        f"{slot}.{number}",
        lambda call: world.postpone(f"{process}: {call.name}", call),
    )
    world.holders[slot] = process
    world.processes.append(process)
    process.begin_tenure()


def givings_up(world: World) -> Iterator[Move]:
    """A process notices that its slot is lost."""
    for process in world.running:
        if process.has_tenure and (not process.is_sure or process.is_fenced):
            yield Move(f"{process} gives up", process.end_tenure, process)


def crashes(world: World) -> Iterator[Move]:
    """A process is killed; what it has sent is on its way."""
    for process in world.processes:
        yield Move(f"{process} crashes", partial(_crash, world, process))


def _crash(world: World, process: Process) -> None:
    world.processes.remove(process)
    if process in world.holders:
        world.holders[process.slot] = None
    for call in process.under_way:
        world.postpone(f"{process}: {call.name}", call)
    process.is_frozen = True
    world.dead.append(process)


def freezings(world: World) -> Iterator[Move]:
    """A process does nothing any more."""
    for process in world.running:
        yield Move(f"{process} freezes", partial(_freeze, process, is_frozen=True))


def wakings(world: World) -> Iterator[Move]:
    """A process goes on as if nothing had been."""
    for process in world.processes:
        if process.is_frozen:
            yield Move(f"{process} wakes", partial(_freeze, process, is_frozen=False))


def _freeze(process: Process, *, is_frozen: bool) -> None:
    process.is_frozen = is_frozen


def placements(world: World) -> Iterator[Move]:
    """The classes are placed elsewhere, or here again."""
    for process in world.running:
        here = not process.is_placed
        where = "at" if here else "away from"
        yield Move(f"the classes are placed {where} {process}", partial(process.place, here=here), process)


def posts(world: World) -> Iterator[Move]:
    """A process takes a POST."""
    shape, number = world.shape, len(world.truth.posts)
    if number >= (len(shape.posts) or shape.puts):
        return
    anything = [(value, ttl_s) for value in shape.values for ttl_s in (None, 1)]
    for process in world.running:
        for value, ttl_s in shape.posts[number : number + 1] or anything if process.service is not None else ():
            label = f"{process} takes a POST of {value}, ttl {ttl_s}"
            yield Move(label, partial(_post, world, process, value, ttl_s), process)


def _post(world: World, process: Process, value: int, ttl_s: int | None) -> None:
    post = Post(len(world.truth.posts), [value], world.steps)
    world.truth.posts.append(post)
    process.post(post, ttl_s, lambda: world.steps)
