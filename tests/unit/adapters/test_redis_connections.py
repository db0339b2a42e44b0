"""What a slot's connection makes of replies that real servers give only between two instants."""

from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from factorsvc.adapters.redis.connection import Command, Login, Server
from factorsvc.adapters.redis.connections import SlotConnection, SlotConnections
from factorsvc.domain.errors import SlotLostError, StorageUnavailableError


class Answering(SlotConnection):
    """A connection to a server whose answer is known."""

    replies: list[Any]

    async def ask(
        self, *commands: Command, unanswered: type[StorageUnavailableError] = StorageUnavailableError
    ) -> list[Any]:
        return self.replies


async def test_a_right_that_is_lost_within_a_transaction_ends_the_claim() -> None:
    """P2: taken away between queueing and EXEC, it shows in the EXEC's reply only."""
    claim = SlotConnections(Server("nowhere", 0), Login("nobody"), 3)
    connection = Answering(claim)
    connection.replies = [b"OK", b"QUEUED", [NoPermissionError()]]

    with pytest.raises(SlotLostError):
        await connection.transact(("HSET", "s3:view", "written", ""))
    with pytest.raises(SlotLostError):
        claim.require_open()
