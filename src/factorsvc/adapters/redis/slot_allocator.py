"""Claims slots by the steps of design 5, each of which may be the last that a process makes."""

import asyncio
from collections.abc import Callable
from random import Random

from factorsvc.adapters.redis.confinement import SLOT_USERS, Confinement
from factorsvc.adapters.redis.connection import Login, Server
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.layout import EPOCH, Layout
from factorsvc.adapters.redis.shared_connection import LeaseSight, SharedConnection
from factorsvc.adapters.redis.slot_claim import RedisSlotClaim
from factorsvc.adapters.redis.survey import ServerFacts
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from factorsvc.domain.ports.storage import Storage
from factorsvc.domain.slot import Lease, Occupancy, SlotFacts, Survey, candidates, next_epoch


class RedisSlotAllocator(SlotAllocator):
    """One process's access to the slots, under one token for as long as it lives.

    With a token for each try, the lease of a claim whose answer got lost would be stranded until its end.
    """

    def __init__(
        self,
        server: Server,
        login: Login,
        *,
        token: str,
        clock: SampledClock,
        random: Random,
        storages: Callable[[SlotConnections, int], Storage],
        new_secret: Callable[[], str],
        confinement: Confinement = SLOT_USERS,
        lease_ttl_s: float = 10.0,
        look_again_s: float = 1.0,
    ) -> None:
        """Reach `server` as `login`, and teach `clock` its time; `storages` makes that of a claim's slot.

        `new_secret` is the password of one claim's connections, and must not be guessable.
        """
        self._server = server
        self._login = login
        self._token = token
        self._clock = clock
        self._random = random
        self._storages = storages
        self._new_secret = new_secret
        self._confinement = confinement
        self._ttl_s = lease_ttl_s
        self._look_again_s = look_again_s
        self._tried: int | None = None
        """The slot that may have a lease of ours, whatever we were told of it."""
        self._current: RedisSlotClaim | None = None

    async def claim(self) -> RedisSlotClaim | None:
        async with self._shared() as shared:
            server, survey = await shared.survey()
            if self._tried is not None:
                claim = await self._try(shared, self._tried, server, is_dead=False)
                if claim is not None:
                    return claim
            facts = await self._look_around(shared, survey)
            for slot in candidates(facts, self._random.shuffle):
                claim = await self._try(shared, slot, server, is_dead=facts[slot].occupancy is Occupancy.DEAD)
                if claim is not None:
                    return claim
        return None

    def _shared(self) -> SharedConnection:
        return SharedConnection(self._server, self._login)

    async def _look_around(self, shared: SharedConnection, survey: Survey) -> list[SlotFacts]:
        """Look once more, if there is a suspect and nothing better, to tell whether it is dead."""
        facts, suspects = survey.facts(), survey.suspects(self._ttl_s)
        if suspects and all(fact.occupancy is not Occupancy.FREE_WITH_VIEW for fact in facts):
            await asyncio.sleep(self._look_again_s)
            _, survey = await shared.survey()
            facts = survey.facts(dead=suspects & survey.suspects(self._ttl_s))
        return facts

    async def _try(
        self, shared: SharedConnection, slot: int, server: ServerFacts, *, is_dead: bool
    ) -> RedisSlotClaim | None:
        """Claim `slot` unless it is somebody else's; None if it is, or becomes so meanwhile.

        Since a slot was found dead another process may have claimed it: the lease that is watched is that one's then.
        """
        watched = await shared.watch_lease(slot)
        claim = None
        if watched is not None and (watched.token in {None, self._token} or (is_dead and not watched.connected)):
            claim = await self._take(shared, slot, watched, server)
        if claim is None:
            await shared.leave()
        return claim

    async def _take(
        self, shared: SharedConnection, slot: int, watched: LeaseSight, server: ServerFacts
    ) -> RedisSlotClaim | None:
        """Take the lease as it was watched, and fence whoever was in the slot, in one transaction."""
        epoch = watched.last_epoch
        if epoch is None or watched.token != self._token:
            epoch = next_epoch(watched.now_ms, watched.last_epoch)
        layout, secret = Layout(slot), self._new_secret()
        self._tried = slot
        sent = asyncio.get_running_loop().time()
        is_taken = await shared.transact(
            ("SET", layout.lease, self._token, "PX", round(self._ttl_s * 1000)),
            *self._confinement.fence(slot),
            *self._confinement.admit(slot, secret, server),
            ("HSET", layout.view, EPOCH, epoch),
        )
        if not is_taken:
            return None
        if self._current is not None:
            self._current.supersede()
        self._current = claim = self._made(slot, secret, epoch, Lease(self._ttl_s, sent))
        try:
            await claim.renew()
        except SlotLostError:
            await claim.close()
            return None
        except (StorageUnavailableError, asyncio.CancelledError):
            await claim.close()
            raise
        return claim

    def _made(self, slot: int, secret: str, epoch: int, lease: Lease) -> RedisSlotClaim:
        connections = self._confinement.connections(self._server, slot, self._token, secret)
        return RedisSlotClaim(
            slot=slot,
            epoch=epoch,
            lease=lease,
            storage=self._storages(connections, slot),
            connections=connections,
            confinement=self._confinement,
            token=self._token,
            shared=self._shared,
            clock=self._clock,
        )
