"""What keeps a replica to its slot: a user that the server made for it, or nothing but its own care (design 5, step 8).

The claim of a slot, its renewal, its storage and its release are the same in both cases; what differs is here.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from factorsvc.adapters.redis import slot_user
from factorsvc.adapters.redis.confinement_probe import Judgement, probe_confinement
from factorsvc.adapters.redis.connection import Command, Connection, Login, Server
from factorsvc.adapters.redis.connections import SlotConnections
from factorsvc.adapters.redis.layout import Layout
from factorsvc.adapters.redis.leased_connection import LeasedConnection
from factorsvc.adapters.redis.survey import ServerFacts


class Confinement(Protocol):
    """One of the two ways. All replicas at a server must go the same."""

    @abstractmethod
    async def probe(self, server: Server, shared: Connection, facts: ServerFacts) -> Judgement:
        """Try whether `server` can confine as is wanted, over a connection with the shared credentials."""

    @abstractmethod
    def fence(self, slot: int) -> Sequence[Command]:
        """What a transaction that takes or gives back `slot` does to shut out whoever was there."""

    @abstractmethod
    def admit(self, slot: int, secret: str, facts: ServerFacts) -> Sequence[Command]:
        """What a transaction that takes `slot` does after that, to let its new holder in."""

    @abstractmethod
    def connections(self, server: Server, slot: int, token: str, secret: str) -> SlotConnections:
        """Prepare those of a claim whose lease has `token`."""

    @abstractmethod
    def end(self, connections: SlotConnections) -> None:
        """End those of a claim that this process has given back, or made again: where the fence has not cut them."""


class SlotUsers(Confinement):
    """Each slot has a user of its own, confined by the server. It keeps P1, and by its fence P2."""

    async def probe(self, server: Server, shared: Connection, facts: ServerFacts) -> Judgement:
        return Judgement(await probe_confinement(server, shared, facts))

    def fence(self, slot: int) -> Sequence[Command]:
        return [slot_user.fence(slot)]

    def admit(self, slot: int, secret: str, facts: ServerFacts) -> Sequence[Command]:
        return [slot_user.admit(slot, secret, has_database_rules=facts.has_database_rules)]

    def connections(self, server: Server, slot: int, token: str, secret: str) -> SlotConnections:
        return SlotConnections(server, Login(slot_user.name_of(slot), secret), slot)

    def end(self, connections: SlotConnections) -> None:
        """Nothing: the server has cut them, and would have had to if this process were another."""


class SharedUser(Confinement):
    """All work as the user that they share, under their leases. It gives up P1; see ADR 6."""

    def __init__(self, login: Login) -> None:
        """Work as `login`."""
        self._login = login

    async def probe(self, server: Server, shared: Connection, facts: ServerFacts) -> Judgement:
        return Judgement(
            warnings=("FACTORSVC_REDIS_ACL=off: nothing but convention confines a replica to its database (P1)",)
        )

    def fence(self, slot: int) -> Sequence[Command]:
        return []

    def admit(self, slot: int, secret: str, facts: ServerFacts) -> Sequence[Command]:
        return []

    def connections(self, server: Server, slot: int, token: str, secret: str) -> SlotConnections:
        """They have the name that the slot's user would have, by which others see that the holder lives."""
        login = replace(self._login, name=slot_user.name_of(slot))
        return SlotConnections(server, login, slot, partial(LeasedConnection, lease=Layout(slot).lease, token=token))

    def end(self, connections: SlotConnections) -> None:
        connections.close()


SLOT_USERS: Final = SlotUsers()
