"""What the contracts of the bus's ports ask of a binding: a server that can be troubled, and helpers to read it."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.record import Batch, Put, Tombstone

T = TypeVar("T")

SOON_S = 0.05
"""How long something may take that is to give up when its time is over."""
PATIENCE_S = 20.0
"""How long a test waits for what must come: its end is a failure, never a measurement."""
MOMENTS = [None, *range(8)]
"""When `cut_short` is to cut."""


class TroubledServer(Protocol):
    """A running server, as whoever pulls its cables knows it. Clients may exist already, and stay connected."""

    @abstractmethod
    async def silence(self) -> None:
        """From now on requests are lost: no effect, no answer."""

    @abstractmethod
    async def postpone(self) -> None:
        """From now on requests get no answer, and take effect when the trouble ends."""

    @abstractmethod
    async def postponed(self) -> None:
        """Return when an append has been postponed."""

    @abstractmethod
    async def refuse(self) -> None:
        """From now on no request reaches the server, and its clients can know."""

    @abstractmethod
    async def heal(self) -> None:
        """End all trouble, and return when what was postponed has taken effect."""


async def within(awaitable: Awaitable[T]) -> T:
    """Return what `awaitable` returns; a promise that is not kept in time fails the test."""
    async with asyncio.timeout(PATIENCE_S):
        return await awaitable


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return when `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.005)


async def under_way(group: asyncio.TaskGroup, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin `work` in a task of `group`, and return that when it has come to its first wait."""
    begun = asyncio.Event()

    async def begin() -> T:
        begun.set()  # who waits for this has a turn only when `work` gives one
        return await within(work)

    task = group.create_task(begin())
    await begun.wait()
    return task


async def cut_short(work: Coroutine[Any, Any, T], other: Coroutine[Any, Any, object], turns: int | None) -> T | None:
    """Begin `work`, then `other`, and so many turns of the loop later cancel `work`; return what it returned by then.

    None turns: when `other` is done. Turns wait for nothing: a cancellation may come at any moment, and no condition
    tells the moments of an adapter apart, so a test tries one after the other.
    """
    async with asyncio.TaskGroup() as group:
        working = await under_way(group, work)
        doing = group.create_task(within(other))
        if turns is None:
            await doing
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        working.cancel()
    return None if working.cancelled() else working.result()


def soon() -> float:
    """A deadline that is near."""
    return asyncio.get_running_loop().time() + SOON_S


def later() -> float:
    """A deadline that a server in good health keeps."""
    return asyncio.get_running_loop().time() + PATIENCE_S


def records_of(batches: list[Batch]) -> list[Put | Tombstone]:
    """The records of `batches`, one after the other."""
    return [entry.record for batch in batches for entry in batch.entries]


async def read_up_to(journal: Journal, ends: Mapping[int, int], *, limit: int = 100) -> dict[int, list[Batch]]:
    """Read each class of `ends` from its beginning up to that offset, and return its batches."""
    for class_id in ends:
        journal.read_from(class_id, 0)
    return await read_on(journal, ends, limit=limit)


async def read_on(journal: Journal, ends: Mapping[int, int], *, limit: int = 100) -> dict[int, list[Batch]]:
    """Read what is being read until each class of `ends` has come to that offset, and return its batches."""
    batches: dict[int, list[Batch]] = {class_id: [] for class_id in ends}
    missing = {class_id for class_id, end in ends.items() if end}
    async with asyncio.timeout(PATIENCE_S):
        while missing:
            for batch in await journal.take(limit, PATIENCE_S):
                batches[batch.class_id].append(batch)
                if batch.end >= ends[batch.class_id]:
                    missing.discard(batch.class_id)
    return batches


async def read_class(journal: Journal, class_id: int, *, limit: int = 100) -> list[Batch]:
    """Read a class from its beginning up to its present end, which must not be empty."""
    end = (await journal.end_offsets())[class_id]
    return (await read_up_to(journal, {class_id: end}, limit=limit))[class_id]
