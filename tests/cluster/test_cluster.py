"""The whole service as it is deployed: replicas as processes, a real Kafka, a real Redis, clients that never pause."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.load import Load
from tests.cluster.replicas import Replica, replicas_at, until
from tests.redis.serving import JSON, found_in
from tests.servers.administrator import Administrator
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.redis_server import RedisServer, kinds, program_named

pytestmark = pytest.mark.timeout(240)  # several processes on what may be two cores that have other things to do

STORED = b'[{"value":144,"prime_factors":[2,2,2,2,3,3]},{"value":120,"prime_factors":[2,2,2,3,5]}]'
FOUND = b'[{"value":120,"prime_factors":[2,2,2,3,5]}]'
ROUNDS = 75
SOME_ROUNDS = 10
TTL_S = 15


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """One that is the test's alone, of the newest kind."""
    server = RedisServer(program_named(kinds()[-1]), tmp_path)
    server.start()
    yield server
    server.kill()


def test_what_one_replica_took_all_others_find_at_once(kafka_broker: KafkaBroker, redis: RedisServer) -> None:
    """P5: the two calls of the design give their exact bodies everywhere, and four clients never miss a value."""
    with replicas_at(kafka_broker, redis) as cluster:
        replicas = cluster.start(3)
        stored = replicas[0].client.post("/values?ttl=300", content=b"[144,120]", headers=JSON)
        found = [replica.client.get("/values/5").content for replica in replicas]
        assert (stored.status_code, stored.content) == (200, STORED)
        assert found == [FOUND] * 3

        cluster.settle(replicas)
        with Load(replicas) as load:
            load.go_on(ROUNDS)
        load.all_is_there(replicas)


def test_a_killed_replica_is_healed_and_nothing_is_lost(kafka_broker: KafkaBroker, redis: RedisServer) -> None:
    """P4, P5, P7: under load every answer is whole or a 503; the others take over the classes of the one that died."""
    with replicas_at(kafka_broker, redis) as cluster:
        killed, *others = replicas = cluster.start(3)
        cluster.settle(replicas)
        with Load(replicas, may_fail=True) as load:
            load.go_on(SOME_ROUNDS)
            killed.kill()
            cluster.settle(others)
            load.send_to(others)
            load.go_on(SOME_ROUNDS)
        load.all_is_there(others)


def test_a_change_of_n_fails_no_request(kafka_broker: KafkaBroker, redis: RedisServer) -> None:
    """P7: 1 -> 3 -> 2 by starts and a SIGTERM; a replica that leaves is sent requests until it says so."""
    with replicas_at(kafka_broker, redis) as cluster:
        (first,) = cluster.start(1)
        with Load([first]) as load:
            load.go_on(SOME_ROUNDS)
            others = cluster.start(2)
            load.send_to([first, *others])
            cluster.settle([first, *others])
            load.go_on(SOME_ROUNDS)

            first.drain()
            load.send_to(others)
            first.end()
            cluster.settle(others)
            load.go_on(SOME_ROUNDS)
        load.all_is_there(others)


def test_all_killed_and_redis_wiped_loses_nothing(kafka_broker: KafkaBroker, redis: RedisServer) -> None:
    """P4, P6: another number of replicas finds all in the journal; what has a ttl still ends in time."""
    lasting, passing = {7 * number for number in range(1, 100)}, {7 * number for number in range(100, 200)}
    with replicas_at(kafka_broker, redis) as cluster:
        killed = cluster.start(3)
        post(killed[0], lasting, ttl="86400")
        began = time.monotonic()
        post(killed[1], passing, ttl=str(TTL_S))
        for replica in killed:
            replica.kill()
        asyncio.run(wipe(redis))

        replicas = cluster.start(2)
        for replica in replicas:
            found = multiples_of_7(replica)
            assert lasting <= found <= lasting | passing
            assert found >= passing or time.monotonic() > began + TTL_S
        until(lambda: all(multiples_of_7(replica) == lasting for replica in replicas))


def post(replica: Replica, values: set[int], ttl: str) -> None:
    answer = replica.client.post("/values", params={"ttl": ttl}, content=json.dumps(sorted(values)), headers=JSON)
    assert answer.status_code == 200, answer.text


def multiples_of_7(replica: Replica) -> set[int]:
    answer = replica.client.get("/values/7")
    assert answer.status_code == 200, answer.text
    return found_in(answer)


async def wipe(server: RedisServer) -> None:
    administrator = Administrator(server)
    await administrator.ask(("FLUSHALL",))
    administrator.close()
