"""P2 with processes that are really stopped, killed and frozen: 40 of them, 16 slots, and never two in one."""

import asyncio
import logging
import signal
import time
from random import Random

import pytest

from factorsvc.domain.slot import SLOTS
from tests.contracts.server import until
from tests.redis.herd import Herd, herd_at
from tests.servers.administrator import Administrator
from tests.servers.redis_server import RedisServer

LOG = logging.getLogger(__name__)
PROCESSES = 40
STANDBYS = PROCESSES - SLOTS
LEASE_TTL_S = 1.5
"""Short, so that many rounds fit into a test run."""
LONG_TTL_S = 5.0
"""Long enough that a dead holder is found before it ends."""
ROUNDS = 7
"""At each kind of server."""


@pytest.fixture
def empty_server(redis_server: RedisServer) -> RedisServer:
    """One that holds nothing, and has been up for longer than a lease: who is not connected is dead."""

    async def prepare() -> None:
        administrator = Administrator(redis_server)

        async def is_aged() -> bool:
            return await administrator.uptime_s() > LONG_TTL_S

        await administrator.begin_anew()
        await until(is_aged)
        administrator.close()

    asyncio.run(prepare())
    return redis_server


def change_hands(herd: Herd, random: Random, *how: signal.Signals) -> None:
    """Have some holders end or freeze at once: one standby each takes their slots, and all others stay where they are.

    Whoever ends is replaced by a new process, and who was frozen is woken. Others may move only if, on a busy machine,
    they were not given the time to renew their leases.
    """
    before, began = dict(herd.holders), time.monotonic()
    slots = random.sample(sorted(before), len(how))
    for slot, sent in zip(slots, how, strict=True):
        herd.signal(before[slot].process, sent)
    for slot, sent in zip(slots, how, strict=True):
        herd.wait_for_another(slot, before[slot])
        LOG.info("%s: %.2f s", sent.name, time.monotonic() - began)
    moved = {slot for slot, holder in before.items() if herd.holders.get(slot) != holder}
    assert moved - {slot for slot in moved if before[slot] in herd.overslept} <= set(slots)
    for slot, sent in zip(slots, how, strict=True):
        if sent is signal.SIGSTOP:
            herd.signal(before[slot].process, signal.SIGCONT)
        else:
            herd.grow(1)
    herd.wait_for_order(SLOTS, STANDBYS)


ENDS = (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP)


@pytest.mark.timeout(300)  # 40 processes on what may be two cores, and leases that must run out in real time
def test_whoever_goes_one_standby_follows(empty_server: RedisServer) -> None:
    """In each round one process is stopped, one killed and one frozen past its lease, all at once.

    All the time every holder writes, and since its first write none of another claim has come into its database.
    """
    random = Random(0)
    with herd_at(empty_server, LEASE_TTL_S) as herd:
        herd.grow(PROCESSES)
        herd.wait_for_order(SLOTS, STANDBYS)
        for _ in range(ROUNDS):
            change_hands(herd, random, *ENDS)
        assert herd.writes > 0


@pytest.mark.soak
@pytest.mark.timeout(900)  # sixty times a lease or a second look
def test_whoever_goes_one_standby_follows_twenty_times(empty_server: RedisServer) -> None:
    """The same one after the other."""
    random = Random(0)
    with herd_at(empty_server, LONG_TTL_S) as herd:
        herd.grow(PROCESSES)
        herd.wait_for_order(SLOTS, STANDBYS)
        for _ in range(20):
            for end in ENDS:
                change_hands(herd, random, end)
        assert herd.writes > 0
