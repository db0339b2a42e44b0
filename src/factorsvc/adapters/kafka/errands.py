"""Work that outlives the call that began it, because its result is for whoever comes next.

A TaskGroup ends with the call that opened it, or ends all when one of its tasks fails; and no port of the bus has a
`run` that could hold one. So whoever begins an errand keeps it, awaits its result at a later call, and ends it when it
is closed.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Errands:
    """What one part of the bus has under way."""

    def __init__(self) -> None:
        """Have nothing under way."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Begin `work`; the caller awaits or cancels the task some time."""
        task = asyncio.create_task(work, name=name)  # noqa: TID251 - it is awaited by a later call, and by `close`
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Cancel all, and return when they have ended. Idempotent."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
