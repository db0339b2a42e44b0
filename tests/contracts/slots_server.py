"""What the contracts of slots and storage ask of a binding: the one server, its troubles, and the processes at it."""

import asyncio
from abc import abstractmethod
from collections.abc import Collection, Coroutine, Iterable, Mapping
from contextlib import suppress
from enum import Enum, auto
from typing import NamedTuple, Protocol

from factorsvc.domain.errors import StorageUnavailableError
from factorsvc.domain.ports.clock import Clock
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim
from factorsvc.domain.ports.storage import Change, Storage, Want
from factorsvc.domain.question import Cursor
from factorsvc.domain.record import Present
from factorsvc.domain.restoration import Position
from factorsvc.domain.value import class_of, value_of
from tests.builders import a_position, factors_of

CLASSES = 5
"""Small, so that a test can see all of them. Processes are made for this many."""
PAGE_MEMBERS = 20
"""Small, so that sets of a test are walked in steps. Storages are made with this limit."""
FAR_MS = 1 << 50
"""A time beyond every expiry of a test."""


class Trouble(Enum):
    """What can become of a request on its way."""

    REQUEST_LOST = auto()
    """It has no effect and gets no answer."""
    ANSWER_LOST = auto()
    """It takes effect and gets no answer."""
    STALLED = auto()
    """It takes effect and its answer comes when the trouble ends."""
    HELD_UP = auto()
    """Its sender waits in vain; it takes effect when the trouble ends, unless the server has closed its connection."""
    POSTPONED = auto()
    """It gets no answer and takes effect when the trouble ends, unless the server has closed its connection by then."""
    REFUSED = auto()
    """It does not reach the server, and its sender can know."""


WAITS = {Trouble.STALLED, Trouble.HELD_UP}
"""What leaves the sender of a request in doubt if it is cancelled then."""
LOSSES = [Trouble.REQUEST_LOST, Trouble.ANSWER_LOST, Trouble.POSTPONED, *sorted(WAITS, key=lambda wait: wait.name)]
"""What leaves the sender of a request in doubt about its effect."""
EARLY = {Trouble.ANSWER_LOST, Trouble.STALLED}
LATE = {Trouble.POSTPONED, Trouble.HELD_UP}


class Process(NamedTuple):
    """One process at the server."""

    slots: SlotAllocator
    clock: Clock
    """Cluster time as this process knows it; it learns it by its renewals."""

    async def holds(self) -> SlotClaim:
        """Claim a slot, of which there must be one."""
        claim = await self.slots.claim()
        assert claim is not None
        return claim


class SlotsServer(Protocol):
    """A running server without data, up for longer than a lease lasts."""

    @abstractmethod
    def process(self) -> Process:
        """Return one more process, which holds nothing."""

    @abstractmethod
    async def kill(self, process: Process) -> None:
        """Kill a process: its connections end, and its lease does not."""

    @abstractmethod
    def trouble(self, trouble: Trouble, after: int = 0, *, lasting: bool = False) -> None:
        """Let `after` more requests of any process pass, and the next one, or all that follow, meet `trouble`."""

    @abstractmethod
    async def met(self) -> object:
        """Return when a request has met the trouble."""

    @abstractmethod
    def calm(self) -> bool:
        """From now on no request meets the trouble. Tell whether any has."""

    @abstractmethod
    async def heal(self) -> None:
        """End the trouble, and return when what was stalled and what was postponed has taken effect."""

    @abstractmethod
    async def leased(self, slot: int) -> bool:
        """Tell whether `slot` has a lease."""

    @abstractmethod
    async def lapse(self, slot: int) -> None:
        """Let the lease of `slot` expire."""

    @abstractmethod
    async def fill(self) -> None:
        """Let there be no room for writes."""

    @abstractmethod
    async def make_room(self) -> None:
        """Let there be room again."""

    @abstractmethod
    async def wipe(self) -> None:
        """FLUSHALL."""

    @abstractmethod
    async def restart(self) -> None:
        """Restart it, with all its data but without users."""


class Held(NamedTuple):
    """All that a storage holds of some classes, as its port can show it."""

    presents: Mapping[int, Present]
    positions: Mapping[int, Position]
    loading: Mapping[int, bytes]
    sizes: Mapping[int, int]
    hinted: frozenset[int]
    """Values that are said to expire some time."""
    found: Mapping[tuple[int, int], frozenset[int]]
    """Values by prime and class, expired ones included."""


async def held_by(storage: Storage, values: Collection[int]) -> Held:
    """Return what `storage` holds of `values`, and of all classes and the values' primes whatever there is."""
    classes = range(CLASSES)
    snapshot = await storage.look(classes, values)
    primes = sorted({prime for value in values for prime in factors_of(value)})
    found = {}
    for prime in primes:
        for class_id in classes:
            members = [value for page in await walk(storage, prime, class_id, now_ms=-1) for value in page]
            if members:
                found[prime, class_id] = frozenset(members)
    return Held(
        presents=snapshot.presents,
        positions=snapshot.positions,
        loading=snapshot.loading,
        sizes={class_id: size for class_id, size in (await storage.sizes(classes)).items() if size},
        hinted=frozenset(await storage.expired(classes, FAR_MS, 1_000)),
        found=found,
    )


def whole(presents: Iterable[Present], positions: Mapping[int, Position] | None = None) -> Held:
    """What a storage must hold that has just these, and nothing half done."""
    by_value = {present.value: present for present in presents}
    sizes: dict[int, int] = {}
    found: dict[tuple[int, int], frozenset[int]] = {}
    for value in by_value:
        class_id = class_of(value, CLASSES)
        sizes[class_id] = sizes.get(class_id, 0) + 1
        for prime in set(factors_of(value)):
            found[prime, class_id] = found.get((prime, class_id), frozenset()) | {value}
    hinted = frozenset(present.value for present in by_value.values() if present.expires_at_ms is not None)
    return Held(by_value, positions or {}, {}, sizes, hinted, found)


async def store(storage: Storage, *presents: Present, positions: Mapping[int, Position] | None = None) -> None:
    """Commit `presents`, by default together with a position of each of their classes."""
    values = {present.value: present for present in presents}
    classes = {class_of(value, CLASSES) for value in values}
    snapshot = await storage.look(classes, values)
    if positions is None:
        positions = {class_id: a_position() for class_id in classes}
    await storage.commit(snapshot, Change(presents=values, positions=positions))


async def step(
    storage: Storage, prime: int, class_id: int, now_ms: int, cursor: Cursor | None = None
) -> tuple[list[int], Cursor | None]:
    """One page: its values, and where to go on."""
    (page,) = (await storage.read([Want(prime, class_id, cursor)], now_ms)).pages
    return [value_of(member) for member in page.members.split(b"\n") if member], page.cursor


async def walk(storage: Storage, prime: int, class_id: int, now_ms: int) -> list[list[int]]:
    """The pages from the first to the last."""
    pages: list[list[int]] = []
    cursor = None
    while not pages or cursor is not None:
        values, cursor = await step(storage, prime, class_id, now_ms, cursor)
        pages.append(values)
    return pages


async def interrupted(
    server: SlotsServer, trouble: Trouble, operation: Coroutine[None, None, object], after: int = 0
) -> bool:
    """Await `operation` with its request number `after` in `trouble`, and tell whether it made that many requests.

    Lost, the operation says that it does not know; left waiting, it is cancelled.
    """
    server.trouble(trouble, after)
    if trouble not in WAITS:
        with suppress(StorageUnavailableError):
            await operation
        return server.calm()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(operation), group.create_task(server.met())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return server.calm()
