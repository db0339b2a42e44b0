"""Who is there in a story, in which state, and whether the cluster has come to rest."""

import asyncio
from collections.abc import Mapping

from factorsvc.domain.slot import SLOTS
from tests.scenarios import prose
from tests.scenarios.world import Sight, World

_HEALTH_CHECK_S = 0.5


class Census:
    """The replicas that a story has started, as clients, a load balancer and an operator see them."""

    def __init__(self, world: World, classes: int) -> None:
        """Begin with nobody."""
        self._world = world
        self._classes = classes
        self.live: set[int] = set()
        """Processes that there are."""
        self.away: dict[str, set[int]] = {"is paused": set(), "is cut off": set(), "is leaving": set()}
        """By reason, those of them that nobody can expect anything of."""

    @property
    def present(self) -> list[int]:
        """Those of whom one can expect that they serve or stand by."""
        return sorted(self.live.difference(*self.away.values()))

    def gone(self, replica: int) -> None:
        """Note that a process has ended."""
        for those in (self.live, *self.away.values()):
            those.discard(replica)

    async def look(self) -> dict[int, Sight]:
        """Look at everybody who is present."""
        return {replica: await self._world.look(replica) for replica in self.present}

    def state(self, replica: int, sight: Sight | None) -> str:
        """One word or two about a replica."""
        if sight is None:
            return next(reason for reason, those in self.away.items() if replica in those)
        if sight.standing_by:
            return "stands by"
        return "is ready" if sight.ready else "is not ready"

    def is_settled(self, sights: Mapping[int, Sight]) -> bool:
        """Tell whether all serve, or stand by because all slots are taken, and agree on who serves what, evenly."""
        serving = {replica: sight for replica, sight in sights.items() if sight.ready}
        idle = [sight for sight in sights.values() if not sight.ready]
        if idle and not (len(serving) == SLOTS and all(sight.standing_by for sight in idle)):
            return False
        slots = sorted(sight.slot for sight in serving.values() if sight.slot is not None)
        return bool(serving) and all(self._is_complete(sight, slots) for sight in serving.values())

    def _is_complete(self, sight: Sight, slots: list[int]) -> bool:
        """Tell whether to this replica the holders of `slots` are all there are, and share the classes evenly."""
        statuses = sight.statuses
        counts = [len(status.serving) for status in statuses]
        return (
            [status.slot for status in statuses] == slots
            and sorted(c for status in statuses for c in status.serving) == list(range(self._classes))
            and not any(status.restoring or status.retiring or status.leaving for status in statuses)
            and max(counts) - min(counts) <= 1
        )

    def holdings(self, sights: Mapping[int, Sight]) -> dict[int, frozenset[int]]:
        """By ready replica, the classes that it serves by its own word."""
        return {
            replica: frozenset(c for status in sight.statuses if status.slot == sight.slot for c in status.serving)
            for replica, sight in sights.items()
            if sight.ready
        }

    def summary(self, sights: Mapping[int, Sight]) -> str:
        """One line: who serves how many classes, and what the others do."""
        counts = {replica: len(held) for replica, held in self.holdings(sights).items()}
        said = [prose.shares(counts)] if counts else ["nobody serves"]
        others = {replica: self.state(replica, sights.get(replica)) for replica in sorted(self.live - counts.keys())}
        said += [f"{replica} {state}" for replica, state in others.items()]
        return ", ".join(said)


class Balancer:
    """A load balancer: deals requests in turn to those who were ready at its last health check."""

    def __init__(self, census: Census) -> None:
        """Deal to those who are present in `census`."""
        self._census = census
        self._ready: list[int] = []
        self._checked_at = -_HEALTH_CHECK_S
        self._dealt = 0

    async def check(self) -> None:
        """Look who is ready."""
        self._checked_at = asyncio.get_running_loop().time()
        self._ready = [replica for replica, sight in (await self._census.look()).items() if sight.ready]

    async def next(self) -> int | None:
        """The replica for the next request; None: nobody was ready."""
        if asyncio.get_running_loop().time() >= self._checked_at + _HEALTH_CHECK_S:
            await self.check()
        self._dealt += 1
        return self._ready[self._dealt % len(self._ready)] if self._ready else None
