"""A connection of a claim that no server confines: only the lease tells that the slot is still its own (ADR 6).

What the server does for a slot's user, namely to let nobody write any more once the slot is another's, is done here for
each write: `WATCH` the lease, see that it has the own token, and have done what the watch lets pass. A claim sets the
lease, so of all that was watched before it nothing is done after it, however late it arrives; and what looks after it
finds another's token. That holds for a later claim of the same process too, as it sets the lease anew.

Reads need none of this. They say which position and load id the view had before and after, and both are of the
database: whoever writes it, what is read at such a position is what the journal says. And a replica that may have lost
its slot does not answer, by its own clock (design 5, step 5).
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.connections import SlotConnection, SlotConnections
from factorsvc.domain.errors import StorageUnavailableError

_TRIES: Final = 5
"""Of a write. The lease is renewed a few times a minute only, so what is met so often is something else."""


class LeasedConnection(SlotConnection):
    """Does what needs the slot only while the lease has the claim's token."""

    def __init__(self, claim: SlotConnections, lease: bytes, token: str) -> None:
        """Prepare; the first question connects."""
        super().__init__(claim)
        self._lease = lease
        self._token = token.encode()

    async def ask_as_holder(self, *commands: Command) -> list[Any]:
        """Ask, after it was seen that the lease is this claim's; after the answers it is seen again.

        Not in a transaction: a full server may refuse that, and a renewal must not be refused. The look before keeps a
        replica that slept from touching what is another's by now. The look after sees who came in between, so that
        nobody believes in a lease that it has prolonged for another. That one then ends a ttl later at most, which
        costs time if its holder dies, and nothing else.
        """
        await self._look_at_lease()
        *replies, token = await super().ask_as_holder(*commands, ("GET", self._lease))
        self._require_own(token)
        return replies

    async def watch(self, keys: Sequence[bytes], *commands: Command) -> list[Any]:
        """Watch the lease too. A renewal touches it as a claim does, so a conflict may also be that."""
        token, *replies = await super().watch([*keys, self._lease], ("GET", self._lease), *commands)
        self._require_own(token)
        return replies

    async def write(
        self, *commands: Command, unanswered: type[StorageUnavailableError] = StorageUnavailableError
    ) -> list[Any]:
        """Do `commands` in a transaction, again if the lease was renewed meanwhile; what was watched is so no more.

        Raises:
            StorageFullError: the server is full, and one that refuses every transaction then (Redis 6.2 and 7.0).
        """
        for _ in range(_TRIES):
            await self.watch([])
            try:
                results = await self.transact(*commands, unanswered=unanswered)
            except ResponseError as error:
                raise StorageUnavailableError("the server refuses") from error
            if results is not None:
                return results
        raise StorageUnavailableError("the lease was touched again and again")

    async def _look_at_lease(self) -> None:
        (token,) = await super().ask_as_holder(("GET", self._lease))
        self._require_own(token)

    def _require_own(self, token: bytes | None) -> None:
        if token != self._token:
            raise self._claim.lost()
