"""Claims slots of a `MemoryRedis` by the steps of design 5, each of which may be the last that a process makes."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count
from random import Random

from factorsvc.adapters.memory.link import Link
from factorsvc.adapters.memory.memory_redis import LeaseSight, MemoryRedis, User
from factorsvc.adapters.memory.shared_connection import SharedConnection
from factorsvc.adapters.memory.slot_claim import MemorySlotClaim
from factorsvc.adapters.memory.slot_connection import SlotConnections
from factorsvc.adapters.memory.storage import MemoryStorage
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from factorsvc.domain.slot import Lease, Occupancy, SlotFacts, candidates


class MemorySlotAllocator(SlotAllocator):
    """One process's access to the slots, under one token for as long as it lives."""

    def __init__(
        self,
        redis: MemoryRedis,
        token: str,
        links: Callable[[], Link],
        clock: SampledClock,
        random: Random,
        *,
        lease_ttl_s: float = 10.0,
        look_again_s: float = 1.0,
        classes: int = 61,
        page_members: int = 5_000,
    ) -> None:
        """Reach `redis` over `links`, one new link for each connection, and teach `clock` its time."""
        self._redis = redis
        self._token = token
        self._links = links
        self._clock = clock
        self._random = random
        self._ttl_s = lease_ttl_s
        self._look_again_s = look_again_s
        self._classes = classes
        self._page_members = page_members
        self._secrets = count()
        self._tried: int | None = None
        """The slot that may have a lease of ours, whatever we were told of it."""
        self._current: MemorySlotClaim | None = None

    async def claim(self) -> MemorySlotClaim | None:
        async with self._shared() as shared:
            if self._tried is not None:
                claim = await self._try(shared, self._tried, is_dead=False)
                if claim is not None:
                    return claim
            facts = await self._look_around(shared)
            for slot in candidates(facts, self._random.shuffle):
                claim = await self._try(shared, slot, is_dead=facts[slot].occupancy is Occupancy.DEAD)
                if claim is not None:
                    return claim
        return None

    def _shared(self) -> SharedConnection:
        return SharedConnection(self._redis, self._token, self._links)

    async def _look_around(self, shared: SharedConnection) -> list[SlotFacts]:
        """Look once; or, if there is a suspect and nothing better, twice, to tell whether it is dead."""
        survey = await shared.call(self._redis.survey)
        facts, suspects = survey.facts(), survey.suspects(self._ttl_s)
        if suspects and all(fact.occupancy is not Occupancy.FREE_WITH_VIEW for fact in facts):
            await asyncio.sleep(self._look_again_s)
            survey = await shared.call(self._redis.survey)
            facts = survey.facts(dead=suspects & survey.suspects(self._ttl_s))
        return facts

    async def _try(self, shared: SharedConnection, slot: int, *, is_dead: bool) -> MemorySlotClaim | None:
        """Claim `slot` unless it is somebody else's; None if it is, or becomes so meanwhile.

        Since a slot was found dead another process may have claimed it: the lease that is watched is that one's then.
        """
        watched = await shared.watch_lease(slot)
        claim = None
        if watched.token in {None, self._token} or (is_dead and not watched.connected):
            claim = await self._take(shared, slot, watched)
        if claim is None:
            await shared.leave()
        return claim

    async def _take(self, shared: SharedConnection, slot: int, watched: LeaseSight) -> MemorySlotClaim | None:
        """Take the lease as it was watched, and fence whoever was in the slot, in one step."""
        self._tried = slot
        user = User(slot, self._token, next(self._secrets))
        sent = asyncio.get_running_loop().time()
        epoch = await shared.call(partial(self._redis.claim, user, self._ttl_s, watched))
        if epoch is None:
            return None
        if self._current is not None:
            self._current.supersede()
        self._current = claim = self._made(user, epoch, Lease(self._ttl_s, sent))
        try:
            await claim.renew()
        except SlotLostError:
            await claim.close()
            return None
        except (StorageUnavailableError, asyncio.CancelledError):
            await claim.close()
            raise
        return claim

    def _made(self, user: User, epoch: int, lease: Lease) -> MemorySlotClaim:
        connections = SlotConnections(self._redis, user, self._links)
        storage = MemoryStorage(self._redis, connections, self._classes, self._page_members)
        return MemorySlotClaim(
            user=user,
            epoch=epoch,
            lease=lease,
            storage=storage,
            connections=connections,
            redis=self._redis,
            shared=self._shared,
            clock=self._clock,
        )
