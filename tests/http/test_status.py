"""What probes, people and monitoring see, and how a replica that leaves sends its clients elsewhere."""

import asyncio
import json

import pytest

from factorsvc.domain.status import Readiness, Status
from factorsvc.entrypoints.http.cluster_events import ClusterEvents
from tests.http.asking import Client, a_scope, ask, connected, serving
from tests.http.replica_stub import GOING, READY, STANDBY, StubReplica, an_app


def a_status(slot: int = 3, *, at_ms: int = 0, values: int = 10) -> Status:
    """What a replica says that restores class 4 and is to give class 2 away."""
    return Status(
        slot=slot,
        epoch=7,
        at_ms=at_ms,
        serving={2: 5, 1: 0},
        restoring=frozenset({4}),
        retiring=frozenset({2}),
        values=values,
        leaving=False,
        full=False,
    )


@pytest.mark.parametrize("state", [READY, STANDBY, GOING])
async def test_a_process_is_alive_whatever_it_does(state: Readiness) -> None:
    """/healthz is 200 for a standby and for a replica that leaves, too: restarting them would not help."""
    replica = StubReplica()
    replica.state = state
    response = await ask(an_app(replica), "GET", "/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


async def test_a_replica_that_serves_is_ready() -> None:
    """/readyz tells slot, epoch and how many classes."""
    response = await ask(an_app(), "GET", "/readyz")
    assert response.status_code == 200
    assert response.content == b'{"slot":3,"epoch":7,"classes":21}'


@pytest.mark.parametrize("state", [STANDBY, GOING])
async def test_a_replica_that_does_not_serve_is_not_ready(state: Readiness) -> None:
    """/readyz is a 503 that says why and when to ask again."""
    replica = StubReplica()
    replica.state = state
    response = await ask(an_app(replica), "GET", "/readyz")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["type"] == "urn:factorsvc:problem:not-ready"
    assert response.json()["detail"] == f"not ready: {state.reason}"


async def test_the_cluster_is_shown_as_this_replica_knows_it() -> None:
    """/cluster has slots, classes, values and lag of every replica, by slot, and who answers."""
    replica = StubReplica()
    replica.statuses = [a_status(5), a_status(3, values=12)]
    shown = (await ask(an_app(replica), "GET", "/cluster")).json()
    assert {name: shown[name] for name in ("slot", "ready", "reason")} == {"slot": 3, "ready": True, "reason": ""}
    assert [status["slot"] for status in shown["replicas"]] == [3, 5]
    assert shown["replicas"][0] == {
        "slot": 3,
        "epoch": 7,
        "serving": [1, 2],
        "restoring": [4],
        "retiring": [2],
        "lag": 5,
        "values": 12,
        "leaving": False,
        "full": False,
    }


async def test_a_standby_shows_the_cluster_too() -> None:
    """Who holds no slot still knows who does."""
    replica = StubReplica()
    replica.state = STANDBY
    shown = (await ask(an_app(replica), "GET", "/cluster")).json()
    assert shown == {"slot": None, "ready": False, "reason": "waits for a slot", "replicas": []}


async def test_metrics_are_given_as_they_are() -> None:
    """/metrics is Prometheus' text under its media type."""
    response = await ask(an_app(), "GET", "/metrics")
    assert response.content == b"stub_metric 1\n"
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/values/5", 200), ("POST", "/values", 200), ("GET", "/healthz", 200), ("GET", "/nothing", 404)],
)
async def test_a_replica_that_leaves_closes_each_connection(method: str, target: str, status: int) -> None:
    """Every answer says `Connection: close` while the replica leaves, and none before (P7)."""
    replica = StubReplica()
    app = an_app(replica)
    content = "[5]" if method == "POST" else None
    assert "connection" not in (await ask(app, method, target, content=content)).headers
    replica.state = GOING
    response = await ask(app, method, target, content=content)
    assert (response.status_code, response.headers["connection"]) == (status, "close")


async def test_a_server_closes_the_connection_of_a_replica_that_leaves() -> None:
    """Over a socket: a connection that was kept is closed after the first answer given while leaving."""
    replica = StubReplica()
    async with serving(an_app(replica)) as port, connected(port) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b'"alive"}')
        replica.state = GOING
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.read()).endswith(b'"alive"}')


async def event_of(client: Client) -> object:
    """The picture in the next message of an event stream."""
    event = (await client.next_message())["body"]
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    return json.loads(event.removeprefix(b"data: "))


async def test_events_show_the_cluster_now_and_at_each_change() -> None:
    """The stream begins with what /cluster shows; a renewal that changes nothing is no event; hanging up ends it."""
    replica = StubReplica()
    replica.statuses = [a_status()]
    app = an_app(replica)
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app(a_scope("GET", "/cluster/events"), client.receive, client.send))
        start = await client.next_message()
        assert (b"content-type", b"text/event-stream; charset=utf-8") in start["headers"]
        assert await event_of(client) == (await ask(app, "GET", "/cluster")).json()
        await replica.asked_for_changes.acquire()
        replica.change(statuses=[a_status(at_ms=1000)])
        await replica.asked_for_changes.acquire()
        assert len(client.sent) == 2
        replica.change(statuses=[a_status(at_ms=2000), a_status(5)])
        assert await event_of(client) == (await ask(app, "GET", "/cluster")).json()
        client.hang_up()
    assert len(client.sent) == 3


async def test_a_change_while_an_event_is_sent_is_not_missed() -> None:
    """A client that is slow to take one picture gets the latest next."""
    replica = StubReplica()
    client = Client()
    client.stop_reading()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(an_app(replica)(a_scope("GET", "/cluster/events"), client.receive, client.send))
        await client.next_message()
        client.read_on()
        await event_of(client)
        await replica.asked_for_changes.acquire()
        client.stop_reading()
        replica.change(statuses=[a_status(1)])
        await event_of(client)
        replica.change(statuses=[a_status(2)])
        replica.change(statuses=[a_status(3)])
        client.read_on()
        assert await event_of(client) == (await ask(an_app(replica), "GET", "/cluster")).json()
        client.hang_up()


async def test_a_quiet_stream_has_a_heartbeat() -> None:
    """Without a change a comment comes now and then, so that no proxy takes the stream for dead."""
    replica = StubReplica()
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        events = ClusterEvents(replica, heartbeat_s=0.001)
        tasks.create_task(events(a_scope("GET", "/cluster/events"), client.receive, client.send))
        for _ in range(4):
            await client.next_message()
        client.hang_up()
    assert [message["body"] for message in client.sent[2:4]] == [b":\n\n"] * 2


async def test_a_stream_ends_when_its_replica_leaves() -> None:
    """A stream would keep a drained server up; its client connects again, elsewhere."""
    replica = StubReplica()
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(an_app(replica)(a_scope("GET", "/cluster/events"), client.receive, client.send))
        await replica.asked_for_changes.acquire()
        replica.change(state=GOING)
    assert client.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
