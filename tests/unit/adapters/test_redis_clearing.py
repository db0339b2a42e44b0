"""Clearing a class against a hash whose walk is known: where its places are, and which of them are empty."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.redis.connection import Command, Login, Server
from factorsvc.adapters.redis.connections import SlotConnection, SlotConnections
from factorsvc.adapters.redis.layout import Layout, field_of, present_text
from factorsvc.adapters.redis.storage import RedisStorage
from factorsvc.domain.errors import StorageUnavailableError
from tests.builders import a_present

PLACES = 40
VALUES = range(1, 200)


class OneHash(SlotConnection):
    """A server with one hash of few places, in which a walk takes as many steps as it has places to pass."""

    def __init__(self, claim: SlotConnections) -> None:
        super().__init__(claim)
        self.states: dict[bytes, bytes] = {}
        self.is_compact = False
        """A compact hash comes whole, whatever the cursor and the number asked for."""
        self.unlinked: list[bytes] = []

    def add(self, values: set[int]) -> None:
        self.states |= {field_of(value): present_text(a_present(value)) for value in values}

    async def ask(
        self, *commands: Command, unanswered: type[StorageUnavailableError] = StorageUnavailableError
    ) -> list[Any]:
        ((name, _, *arguments),) = commands
        match name, *arguments:
            case ["HSCAN", bytes(begin), "COUNT", int(count)]:
                end = PLACES if self.is_compact else min(int(begin) + max(1, count // 5), PLACES)
                places = range(PLACES) if self.is_compact else range(int(begin), end)
                found = [text for pair in self.states.items() if int(pair[0]) % PLACES in places for text in pair]
                return [[field_of(end % PLACES), found]]
            case ["HDEL", *fields]:
                return [
                    sum(self.states.pop(bytes(field), None) is not None for field in fields if isinstance(field, bytes))
                ]
            case _:
                assert name == "UNLINK"
                self.unlinked += [key for key in arguments if isinstance(key, bytes)]
                return [0]


class OneConnection(SlotConnections):
    """Has the one connection to such a server."""

    def __init__(self) -> None:
        super().__init__(Server("nowhere", 0), Login("nobody"), 3)
        self.hash = OneHash(self)

    def own(self) -> SlotConnection:
        return self.hash


some_values = st.sets(st.sampled_from(VALUES))


@given(st.lists(st.tuples(some_values, st.booleans()), min_size=1, max_size=4), st.integers(1, 30))
def test_nothing_is_left_whenever_it_says_so(loads: list[tuple[set[int], bool]], limit: int) -> None:
    """Also when the class was loaded again, and is cleared again, amid a walk whose end lies before what came since."""

    async def clear() -> None:
        connections = OneConnection()
        storage = RedisStorage(connections, 3, 1, 1)
        for values, connections.hash.is_compact in loads:
            connections.hash.add(values)
            await storage.clear(0, limit)
        steps = 0
        while not await storage.clear(0, limit):
            steps += 1
        assert connections.hash.states == {}
        assert steps <= len(VALUES)
        keys = {
            Layout(3).index(field_of(prime), 0)
            for values, _ in loads
            for value in values
            for prime in (2, 3)
            if value % prime == 0
        }
        assert keys <= set(connections.hash.unlinked)

    asyncio.run(clear())
