"""P4, P5: a Redis that goes away, with its data or without, under replicas that go on by themselves."""

import asyncio

import pytest

from tests.redis.serving import THREE, Poll, Service, service
from tests.servers.administrator import Administrator
from tests.servers.redis_server import RedisServer

FIVES = {5 * number for number in range(1, 61)}


def claims_in(events: list[dict[str, object]]) -> dict[object, tuple[object, object]]:
    """The last slot and epoch of each replica."""
    return {event["replica"]: (event["slot"], event["epoch"]) for event in events if event["event"] == "slot_claimed"}


def begin(serving: Service) -> dict[object, tuple[object, object]]:
    """Wait until three replicas serve, store what is to be found, and tell who holds which slot by which claim."""
    claims = claims_in(serving.events("ready", 3))
    assert len(claims) == 3
    assert serving.post(sorted(FIVES)).status_code == 200
    return claims


def flush(server: RedisServer) -> None:
    async def ask() -> None:
        administrator = Administrator(server)
        await administrator.ask(("FLUSHALL",))
        administrator.close()

    asyncio.run(ask())


def test_a_restart_within_the_lease_leaves_everybody_where_they_were(empty_server: RedisServer) -> None:
    """The users are gone, the leases live: each replica comes back to its slot, by the same claim."""
    with service(empty_server, script=THREE, lease_ttl_s=30) as serving:
        claims = begin(serving)
        with Poll(serving, 5, FIVES) as poll:
            poll.until_whole()
            empty_server.restart()
            events = serving.events("ready", 3)
            poll.until_whole(9)
        assert {event["replica"] for event in events if event["event"] == "slot_lost"} == {1, 2, 3}
        assert claims_in(events) == claims


@pytest.mark.parametrize("keeps_data", [True, False], ids=["with its data", "without"])
def test_they_are_not_ready_while_it_is_away_and_go_on_by_themselves(
    empty_server: RedisServer, *, keeps_data: bool
) -> None:
    """Away for longer than their leases; what it does not have any more comes out of the journal."""
    with service(empty_server, script=THREE, lease_ttl_s=1) as serving:
        claims = begin(serving)
        with Poll(serving, 5, FIVES) as poll:
            poll.until_whole()
            empty_server.stop()
            serving.events("slot_lost", 3)
            assert [serving.client.get("/readyz").status_code for _ in range(3)] == [503] * 3
            poll.until_unavailable()
            if not keeps_data:
                empty_server.lose_data()
            empty_server.start()
            events = serving.events("ready", 3)
            poll.until_whole(9)
        again = claims_in(events)
        assert len({slot for slot, _ in again.values()}) == 3
        assert {again[replica][1] for replica in claims}.isdisjoint(epoch for _, epoch in claims.values())
        if keeps_data:
            assert {slot for slot, _ in again.values()} == {slot for slot, _ in claims.values()}, "views come first"


def test_flushall_takes_leases_and_views_and_no_answer_is_short(empty_server: RedisServer) -> None:
    """Each finds out by its next renewal or reading, claims anew, and builds its view anew."""
    with service(empty_server, script=THREE, lease_ttl_s=1) as serving:
        begin(serving)
        with Poll(serving, 5, FIVES) as poll:
            for _ in range(3):
                poll.until_whole()
                flush(empty_server)
                events = serving.events("ready", 3)
                assert {event["replica"] for event in events if event["event"] == "slot_lost"} == {1, 2, 3}
                poll.until_whole(9)
