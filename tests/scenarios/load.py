"""Requests in the background of a story, one after the other, with one reader who knows exactly what to expect."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.scenarios.world import Reply, World

PRIME = 10_007
"""The load posts multiples of it, of all classes and not of 5 or 7, which are the primes that stories tell of."""
_PAUSE_S = 0.05


class Load:
    """Posts a new value, reads all of them, and so on, each time from another replica."""

    def __init__(self, world: World, next_replica: Callable[[], Awaitable[int | None]]) -> None:
        """Send to whatever `next_replica` names; None: nobody is ready, so nothing is sent."""
        self._world = world
        self._next_replica = next_replica
        self._stored: set[int] = set()
        self._perhaps: set[int] = set()
        self._failed: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._answered = 0
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Send requests until `stop`."""
        count = 0
        while not self._ended.is_set():
            count += 1
            await self._post(PRIME * (35 * count + 1))
            await self._get()
            await self._world.tick(_PAUSE_S)

    def stop(self) -> None:
        """Have `run` end after the present requests."""
        self._ended.set()

    def account(self, *, tolerated: bool) -> list[str]:
        """Say what came of it; failures that are `tolerated` are passed over, wrong answers never are."""
        said = list(self._wrong) or ["no answer was short or stale"]
        if not tolerated:
            said += sorted(self._failed) or ["no request failed"]
        if not self._answered:
            said.append("no request was answered")
        return said

    async def _post(self, value: int) -> None:
        replica = await self._next_replica()
        if replica is None:
            return
        reply = await self._world.post(replica, [value], None)
        if self._is_served("post", reply):
            self._stored.add(value)
        elif reply.outcome != "nothing-stored":
            self._perhaps.add(value)

    async def _get(self) -> None:
        replica = await self._next_replica()
        if replica is None:
            return
        reply = await self._world.get(replica, PRIME)
        if not self._is_served("get", reply):
            return
        found = [value.value for value in reply.values]
        if not self._stored <= set(found) <= self._stored | self._perhaps or len(found) != len(set(found)):
            self._wrong.append(f"of {len(self._stored)} values and perhaps {len(self._perhaps)} more: {len(found)}")

    def _is_served(self, what: str, reply: Reply) -> bool:
        if reply.status == 200:
            self._answered += 1
            return True
        self._failed[f"{what}: {reply.status or ''} {reply.problem}"] += 1
        return False
