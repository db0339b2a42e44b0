"""A client's connection to the broker: one link, over which a call is tried again as long as nothing was sent."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from factorsvc.adapters.memory.bell import listen
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.link import Link, LinkDownError

T = TypeVar("T")

_BACKOFF_S = 0.05
"""Between two tries to reach a broker that refuses, or that gave no answer (`reconnect.backoff.ms`)."""
_TRY_S = 0.1
"""A further try that has less time is not made: far more than an answer takes, also on a machine that is busy."""


class News(NamedTuple):
    """A look that found nothing: when one of `sounds` is done, it is worth looking again."""

    sounds: Sequence[asyncio.Future[None]]


class Connection:
    """Calls of one kind that one replica makes."""

    def __init__(self, cluster: MemoryCluster, link: Link, request_timeout_s: float) -> None:
        """Go over `link` to the broker of `cluster`, and wait for an answer for `request_timeout_s` as a rule."""
        self.request_timeout_s = request_timeout_s
        self._cluster = cluster
        self._link = link
        self._is_closed = False

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        """Have the broker do `effect` and return what it returns; what it raises is raised here.

        Raises:
            LinkDownError: no answer came in time, or the connection is closed. `sent` tells if the effect may happen
                all the same.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + (self.request_timeout_s if timeout_s is None else timeout_s)
        while not self._is_closed:
            try:
                return await self._link.call(partial(self._cluster.serve, effect), max(deadline - now(), 0))
            except LinkDownError as error:
                if error.sent or now() + _BACKOFF_S >= deadline:
                    raise
                refused = error
            await asyncio.sleep(_BACKOFF_S)
            if now() + _TRY_S > deadline:
                raise refused  # the end of one more try would come before its answer, and what is known be lost
        raise LinkDownError("the connection is closed", sent=False)

    async def poll(
        self, look: Callable[[], T | News], timeout_s: float, until: asyncio.Future[None] | None = None
    ) -> T | None:
        """Have the broker look until there is something, and return that; None: nothing within `timeout_s`.

        `look` changes nothing, so a lost answer is no loss, and an unreachable broker is silence. Once `until` is done
        there is no waiting any more.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        while True:
            try:
                found = await self.call(look, min(deadline - now(), self.request_timeout_s))
            except LinkDownError:
                await asyncio.sleep(max(min(_BACKOFF_S, deadline - now()), 0))
            else:
                if not isinstance(found, News):
                    return found
                await listen([*found.sounds, *([until] if until else [])], deadline - now())
            if now() >= deadline or (until is not None and until.done()):
                return None

    def close(self) -> None:
        """Close the connection: what is under way gets no answer, and nothing is sent any more. Idempotent."""
        self._is_closed = True
        self._link.cut()
