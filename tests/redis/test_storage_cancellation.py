"""Hundreds of calls of a storage cancelled at random moments: its view is whole whatever was cancelled, and goes on."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random

import pytest

from factorsvc.domain.errors import RemovalUnknownError, StorageConflictError
from factorsvc.domain.ports.storage import Change, Want
from factorsvc.domain.value import class_of, value_of
from tests.builders import NOW_MS, a_position, a_present
from tests.contracts.redis_slots_server import RedisSlotsServer
from tests.contracts.slots_server import CLASSES, Process, held_by, store, whole

CALLS = 600
TURNS = 15
"""Of the event loop, until a call is cancelled: more than any but a long one takes, with its connection made anew."""
LOOKED_AT = 10
VALUES = range(1, 41)
PRIMES = (2, 3, 5, 7, 37)


class Caller:
    """Makes calls, each of them on the storage of the present claim, and knows what comes of them."""

    def __init__(self, process: Process, seed: int) -> None:
        self._process = process
        self._random = Random(seed)
        self.cancelled = 0

    async def run(self) -> None:
        self.storage = (await self._process.holds()).storage
        await store(self.storage, *map(a_present, VALUES))
        calls = [self._commit, self._remove, self._read, self._clear]
        for number in range(CALLS):
            await self._cancel_some_time(self._random.choice(calls))
            if number % 5 == 0:
                await self._look_around()

    async def _cancel_some_time(self, call: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin a call, and cancel it; if it is not over then, it is over by that."""

        async def bears_doubts() -> None:
            with suppress(RemovalUnknownError, StorageConflictError):  # what was cancelled before may be done late
                await call()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(bears_doubts())
            for _ in range(self._random.randrange(TURNS)):
                await asyncio.sleep(0)
            was_cut = task.cancel()
        assert task.cancelled() == was_cut
        self.cancelled += was_cut

    async def _look_around(self) -> None:
        """Claim anew, so that nothing of what was cancelled can come any more; then there is nothing half done."""
        self.storage = (await self._process.holds()).storage
        for class_id in range(CLASSES):
            await self._drop_if_forgotten(class_id)
        held = await held_by(self.storage, VALUES)
        assert held == whole(held.presents.values(), held.positions)

    async def _drop_if_forgotten(self, class_id: int) -> None:
        if class_id in (await self.storage.look([class_id])).positions:
            return
        while not await self.storage.clear(class_id, LOOKED_AT):
            pass
        await self.storage.commit(await self.storage.look([class_id]), Change(positions={class_id: a_position()}))

    async def _commit(self) -> None:
        expiry = self._random.choice([None, NOW_MS])
        values = self._random.sample(VALUES, LOOKED_AT)
        presents = {value: a_present(value, expires_at_ms=expiry) if value % 3 else None for value in values}
        await self.storage.commit(await self.storage.look([], values), Change(presents=presents))

    async def _remove(self) -> None:
        snapshot = await self.storage.look([], self._random.sample(VALUES, LOOKED_AT))
        await self.storage.remove(snapshot, [present.key for present in snapshot.presents.values()])

    async def _clear(self) -> None:
        class_id = self._random.randrange(CLASSES)
        await self.storage.forget([class_id])
        await self.storage.clear(class_id, LOOKED_AT)

    async def _read(self) -> None:
        """What is answered is what was asked for, and not what somebody asked before."""
        wants = [Want(prime, self._random.randrange(CLASSES)) for prime in self._random.sample(PRIMES, 2)]
        for want, page in zip(wants, (await self.storage.read(wants, 0)).pages, strict=True):
            for value in (value_of(member) for member in page.members.split(b"\n") if member):
                assert value % want.prime == 0
                assert class_of(value, CLASSES) == want.class_id


@pytest.mark.timeout(180)  # thousands of round trips, on a machine that may have other things to do
async def test_whatever_is_cancelled_the_view_is_whole(server: RedisSlotsServer) -> None:
    """States, index, sizes and hints agree whenever it is looked at; where a claim cannot go on, a new one can."""
    caller = Caller(server.process(), seed=0)
    await caller.run()
    assert caller.cancelled > CALLS // 2
