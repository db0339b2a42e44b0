"""P6: cluster time is the server's, whatever the clock of a replica's machine says."""

import asyncio

import pytest

from factorsvc.adapters.redis.layout import Layout, present_in
from factorsvc.domain.value import class_of
from tests.redis.serving import Service, found_in, service
from tests.servers.administrator import Administrator
from tests.servers.redis_server import RedisServer

CLASSES = 61
VALUE = 120
TTL_S = 1
OFF_MS = 200
"""How well a replica can know the server's time on a machine that lets it wait for its turn."""
SHIFTED = """
import time
shift_s, wall, wall_ns = {shift_s}, time.time, time.time_ns
time.time = lambda: wall() + shift_s
time.time_ns = lambda: wall_ns() + shift_s * 1_000_000_000
"""


async def server_ms(server: RedisServer) -> int:
    """The server's time."""
    administrator = Administrator(server)
    ((seconds, microseconds),) = await administrator.ask(("TIME",))
    administrator.close()
    return int(seconds) * 1000 + int(microseconds) // 1000


async def expiry_ms(server: RedisServer, slot: int) -> int:
    """When the value is said to expire."""
    administrator = Administrator(server)
    text = await administrator.in_slot(slot, ("HGET", Layout(slot).values(class_of(VALUE, CLASSES)), VALUE))
    administrator.close()
    expires_at_ms = present_in(b"%d" % VALUE, text).expires_at_ms
    assert expires_at_ms is not None
    return expires_at_ms


@pytest.mark.parametrize("shift_s", [0, 90, -90])
def test_a_wrong_clock_expires_nothing_early_or_late(empty_server: RedisServer, shift_s: int) -> None:
    """A ttl counts from when it was asked for, by the server's clock; and by that it is over."""
    with service(empty_server, script=SHIFTED.format(shift_s=shift_s), classes=CLASSES) as replica:
        slot = replica.command.event("slot_claimed")["slot"]
        replica.command.event("ready")
        before_ms = asyncio.run(server_ms(empty_server))
        assert replica.post([VALUE], ttl_s=TTL_S).status_code == 200
        after_ms = asyncio.run(server_ms(empty_server))
        is_there(replica)  # or not any more, but the answer waits until it is applied
        expires_at_ms = asyncio.run(expiry_ms(empty_server, slot))
        assert before_ms + 1_000 * TTL_S - OFF_MS <= expires_at_ms <= after_ms + 1_000 * TTL_S + OFF_MS
        while True:
            sent_ms = asyncio.run(server_ms(empty_server))
            there = is_there(replica)
            answered_ms = asyncio.run(server_ms(empty_server))
            assert there or answered_ms >= expires_at_ms - OFF_MS, "early"
            assert not there or sent_ms <= expires_at_ms + OFF_MS, "late"
            if not there:
                break
        assert replica.post([VALUE]).status_code == 200
        assert is_there(replica)


def is_there(replica: Service) -> bool:
    """Tell whether the value is found."""
    found = replica.client.get("/values/5")
    assert found.status_code == 200
    return found_in(found) == {VALUE}
