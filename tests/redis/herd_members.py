"""Processes that do nothing but hold slots: `python -m tests.redis.herd_members PORT LEASE_TTL_S`.

This one has imported all that they need, and becomes as many of them as each line on stdin says, by fork, before it
ever runs an event loop. It ends with its stdin, and all of them with it. Each lives as a replica does, by the very
code, but instead of serving values it writes in its slot again and again whose that is. All tell what happens to them
on stdout, a line of JSON each.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from random import SystemRandom
from secrets import token_hex
from types import SimpleNamespace
from typing import Never, cast

from factorsvc.adapters.redis.connection import Command, Server
from factorsvc.adapters.redis.connections import SlotConnection, SlotConnections
from factorsvc.adapters.redis.layout import EPOCH, Layout
from factorsvc.adapters.redis.slot_allocator import RedisSlotAllocator
from factorsvc.adapters.redis.storage import RedisStorage
from factorsvc.application.policy import Policy
from factorsvc.application.replica import Replica
from factorsvc.application.workspace import Surroundings
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.errors import StorageUnavailableError
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.factorizer import Factorizer
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim
from factorsvc.domain.ports.storage import Storage
from tests.servers.administrator import SHARED
from tests.servers.redis_server import HOST

WRITE_S = 0.1


class Member(SlotAllocator):
    """The slots as one process knows them, what it does with those it gets, and what it tells of that."""

    def __init__(self, port: int, lease_ttl_s: float) -> None:
        self.clock = SampledClock(time.monotonic)
        self._slots = RedisSlotAllocator(
            Server(HOST, port),
            SHARED,
            token=str(os.getpid()),
            clock=self.clock,
            random=SystemRandom(),
            storages=self._storage,
            new_secret=token_hex,
            lease_ttl_s=lease_ttl_s,
        )
        self._connection: SlotConnection | None = None
        self._claim: SlotClaim | None = None
        self._writes = 0
        self._told = ""

    async def claim(self) -> SlotClaim | None:
        if self._claim is not None:
            sure = self._claim.lease.is_sure(asyncio.get_running_loop().time())
            self.tell("lost", slot=self._claim.slot, epoch=self._claim.epoch, writes=self._writes, was_sure=sure)
        self._claim, self._writes = await self._slots.claim(), 0
        if self._claim is None and self._told != "stands by":
            self.tell("stands by")
        return self._claim

    async def write(self) -> Never:
        """Write one's own name for as long as the server lets it; nobody else's may appear from the first write on."""
        claim, connection = self._claim, self._connection
        assert claim is not None
        assert connection is not None
        layout, name = Layout(claim.slot), b"%d" % os.getpid()
        names = layout.values(0)
        anew: list[Command] = [("UNLINK", names)]
        while True:
            with suppress(StorageUnavailableError):
                write: list[Command] = [("HSET", names, name, claim.epoch), ("HLEN", names)]
                replies = await connection.transact(("HMGET", layout.view, EPOCH), *anew, *write)
                assert replies is not None
                if [replies[0], replies[-1]] != [[b"%d" % claim.epoch], 1]:
                    self.tell("intruded", slot=claim.slot, epoch=claim.epoch, there=repr(replies))
                elif anew:
                    self.tell("holds", slot=claim.slot, epoch=claim.epoch)
                anew = []
                self._writes += 1
            await asyncio.sleep(WRITE_S)

    def tell(self, what: str, **facts: object) -> None:
        """Say one line, whole: what a pipe takes at once, others cannot write into."""
        self._told = what
        os.write(sys.stdout.fileno(), json.dumps({"process": os.getpid(), "event": what} | facts).encode() + b"\n")

    def _storage(self, connections: SlotConnections, slot: int) -> Storage:
        self._connection = connections.own()
        return RedisStorage(connections, slot, classes=1, page_members=1)


async def live(port: int, lease_ttl_s: float) -> None:
    """Be a replica until SIGTERM."""
    member = Member(port, lease_ttl_s)
    journal = SimpleNamespace(stop_reading=lambda _: None, open=member.write)
    around = Surroundings(
        bus=cast(ClusterBus, SimpleNamespace(journal=journal)),
        clock=member.clock,
        factorizer=cast(Factorizer, None),
        policy=Policy(classes=1),
        new_id=os.urandom,
    )
    replica = Replica(member, around)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(replica.run())
        await stopped.wait()
        await replica.drain(no_more_requests)
    member.tell("ended")


async def no_more_requests() -> None:
    """There never were any."""


def become_member(port: int, lease_ttl_s: float) -> Never:
    """What a fork does: it must not return into its parent's code."""
    status = 1
    try:
        os.close(sys.stdin.fileno())
        asyncio.run(live(port, lease_ttl_s))
        status = 0
    finally:
        os._exit(status)


def main(arguments: Sequence[str]) -> None:
    """Fork on demand. The dead are not taken leave of before the end, so that no process id is given twice."""
    port, lease_ttl_s = int(arguments[0]), float(arguments[1])
    members = []
    try:
        while line := sys.stdin.readline():
            for _ in range(int(line)):
                process = os.fork()
                if not process:
                    become_member(port, lease_ttl_s)
                members.append(process)
    finally:
        for process in members:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
