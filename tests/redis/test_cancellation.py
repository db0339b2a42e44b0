"""Thousands of questions cancelled at random moments: nobody gets another's answer, and nobody outlives it."""

import asyncio
from itertools import count
from random import Random

import pytest

from factorsvc.adapters.redis.connection import Server
from factorsvc.adapters.redis.connections import SlotConnections
from tests.contracts.server import PATIENCE_S, until
from tests.servers.administrator import SHARED, Administrator
from tests.servers.redis_server import HOST, RedisServer

SLOT = 3
ROUNDS = 100
VICTIMS = 40
OTHERS = 10
TURNS = 12
"""Of the event loop, until a victim is cancelled: more than it takes to connect."""


@pytest.mark.timeout(180)  # 4 000 cancellations, on a machine that may have other things to do
async def test_cancelled_questions_leave_every_connection_right(
    redis_server: RedisServer, administrator: Administrator
) -> None:
    """Each task hears its own words only, whatever was cancelled before it on its connection; who is cancelled ends."""
    connections = SlotConnections(Server(HOST, redis_server.port, timeout_s=PATIENCE_S), SHARED, SLOT)
    random, words, wrong = Random(0), count(), []

    async def ask() -> None:
        word = b"%d" % next(words)
        async with connections.lent() as connection:
            told = await connection.ask(("ECHO", word), ("TIME",), ("ECHO", word))
        if [told[0], told[2]] != [word, word]:
            wrong.append(told)

    async def ask_for_long() -> None:
        for _ in range(VICTIMS * TURNS):  # it is cancelled before, and else ends nevertheless
            await ask()

    try:
        for _ in range(ROUNDS):
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                victims = [group.create_task(ask_for_long()) for _ in range(VICTIMS)]
                for _ in range(OTHERS):
                    group.create_task(ask())
                for victim in victims:
                    for _ in range(random.randrange(TURNS)):
                        await asyncio.sleep(0)
                    victim.cancel()
            assert not wrong
            assert all(victim.cancelled() for victim in victims), "none outlives it"
    finally:
        connections.close()
    await until(lambda: _is_alone(administrator))


async def _is_alone(administrator: Administrator) -> bool:
    return await administrator.connections() == 1
