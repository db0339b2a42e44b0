"""`factorsvc serve`: one replica as a process, from its settings to its exit code."""

import errno
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.cli.command import PATIENCE_S, running, serving

JSON = {"content-type": "application/json"}
STORED = b'[{"value":144,"prime_factors":[2,2,2,2,3,3]},{"value":120,"prime_factors":[2,2,2,3,5]}]'
FOUND = b'[{"value":120,"prime_factors":[2,2,2,3,5]}]'
STOPS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("stop", STOPS)
def test_a_replica_serves_until_a_signal_drains_it(stop: signal.Signals) -> None:
    """The two calls of the design give their exact bodies; then it gives its slot back and exits 0."""
    with serving() as (command, client):
        stored = client.post("/values?ttl=300", content=b"[144,120]", headers=JSON)
        found = client.get("/values/5")
        slot = client.get("/readyz").json()["slot"]

        command.signal(stop)

        assert (stored.status_code, stored.content) == (200, STORED)
        assert (found.status_code, found.content) == (200, FOUND)
        assert command.event("draining")["signal"] == stop.name
        assert command.event("slot_released")["slot"] == slot
        command.event("drained")
        assert command.exit_code() == 0
        assert command.rest() == ([], [])


def test_answers_name_no_server_and_metrics_count_them() -> None:
    """What a client need not know is not said; what monitoring must know is."""
    with serving() as (command, client):
        answer = client.get("/values/5")
        metrics = client.get("/metrics").text

        assert "server" not in answer.headers
        assert 'factorsvc_http_requests_total{method="GET",outcome="200",route="/values/{prime_factor}"} 1.0' in metrics
        assert 'factorsvc_port_calls_total{call="read",outcome="ok",port="Storage"} 1.0' in metrics
        assert "factorsvc_standby_replicas 0.0" in metrics
        assert command.event("request")["path"] == "/values/5"


def test_a_replica_that_leaves_still_answers_for_a_while() -> None:
    """P7: load balancers need time to look elsewhere; each answer sends its client away, and probes say 503."""
    with serving(drain_delay_s=1, drain_deadline_s=5) as (command, client):
        assert "connection" not in client.get("/values/5").headers

        command.signal(signal.SIGTERM)
        command.event("draining")
        answer = client.get("/values/5")
        probe = client.get("/readyz")

        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert probe.status_code == 503
        assert command.exit_code() == 0


@pytest.mark.parametrize("stop", STOPS)
def test_a_second_signal_ends_it_at_once(stop: signal.Signals) -> None:
    """Whoever insists is not made to wait; the exit code is that of a death by the signal."""
    with serving(drain_delay_s=300, drain_deadline_s=600) as (command, _):
        command.signal(signal.SIGTERM)
        command.event("draining")

        command.signal(stop)

        assert command.exit_code() == 128 + stop


def test_a_drain_waits_for_an_answer_that_is_being_sent() -> None:
    """P7: a client that reads slowly gets all of its answer, though nothing new is taken meanwhile."""
    with serving(classes=1) as (command, client), _reading_slowly(client) as connection:
        command.signal(signal.SIGTERM)
        command.event("draining")
        command.event("not_ready")
        _wait_until_refused(client)
        assert command.is_running

        body = _whole_answer(connection)

        assert len(json.loads(body)) == MANY
        assert command.exit_code() == 0


def test_a_drain_ends_at_its_deadline_whoever_does_not_read() -> None:
    """A client that never takes its answer holds up nobody's deployment."""
    with serving(classes=1, drain_deadline_s=1) as (command, client), _reading_slowly(client):
        command.signal(signal.SIGTERM)

        command.event("requests_ended")
        command.event("drained")
        assert command.exit_code() == 0


def test_a_replica_that_cannot_go_on_ends_loudly() -> None:
    """Half a replica is worse than none: one line says why, nothing serves on, and the exit code is 1."""
    broken = "from factorsvc.container import Container\nContainer.memory_redis.override(None)"
    with running("serve", script=broken, settings={"backend": "memory", "http_port": 0}) as command:
        failed = command.event("failed")

        assert failed["level"] == "critical"
        assert "AttributeError" in failed["exception"]
        assert command.exit_code() == 1


def test_a_replica_that_waits_for_its_servers_can_be_stopped() -> None:
    """A claim that gets no answer must not keep the process from ending."""
    silent = """
from asyncio import Event
from dependency_injector.providers import Factory
from factorsvc.container import Container
from factorsvc.domain.ports.slot_allocator import SlotAllocator

class SilentSlots(SlotAllocator):
    async def claim(self):
        await Event().wait()

Container.slots.override(Factory(SilentSlots))
"""
    with running("serve", script=silent, settings={"backend": "memory", "http_port": 0}) as command:
        command.event("not_ready")
        command.signal(signal.SIGTERM)

        command.event("drained")
        assert command.exit_code() == 0


def test_wrong_settings_are_named_one_a_line() -> None:
    """Nothing starts, no value is repeated, and the exit code is 2."""
    with running("serve", settings={"http_port": "s3cret", "drain_delay_s": "5s", "clases": 3}) as command:
        assert command.exit_code() == 2
        out, err = command.rest()

    assert out == []
    assert [line.split(": ")[:2] for line in err] == [
        ["factorsvc", "FACTORSVC_CLASES"],
        ["factorsvc", "FACTORSVC_HTTP_PORT"],
        ["factorsvc", "FACTORSVC_DRAIN_DELAY_S"],
    ]
    assert "s3cret" not in "".join(err)


@pytest.mark.parametrize("arguments", [["serve"], ["dev", "--memory"]])
def test_a_port_that_is_taken_is_one_line(arguments: list[str]) -> None:
    """It says which, and the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(*arguments, settings={"backend": "memory", "http_port": port}) as command:
            assert command.exit_code() == 1
            assert command.rest() == ([], [f"factorsvc: port {port} of 127.0.0.1 is taken"])


@pytest.mark.parametrize(
    ("host", "says"),
    [("no.such.host.invalid", "cannot listen on no.such.host.invalid: "), ("192.0.2.1", "cannot listen on port 0 of ")],
)
def test_a_host_that_is_not_ours_is_one_line(host: str, says: str) -> None:
    """Whatever keeps it from listening, it is one line."""
    with running("serve", settings={"backend": "memory", "http_host": host, "http_port": 0}) as command:
        assert command.exit_code() == 1
        out, err = command.rest()

    assert out == []
    assert len(err) == 1
    assert err[0].startswith(f"factorsvc: {says}")


MANY = 10_000
"""Values whose answer, of 5.7 MB in several pages, fits neither the kernel's buffers nor those of the server."""


@contextmanager
def _reading_slowly(client: httpx.Client) -> Iterator[socket.socket]:
    """A connection on which a long answer has begun and is not read."""
    numbers = [2**230 * (2 * index + 1) for index in range(MANY)]
    assert client.post("/values", content=json.dumps(numbers), headers=JSON).status_code == 200
    with socket.socket() as connection:
        connection.settimeout(PATIENCE_S)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect((client.base_url.host, client.base_url.port))
        connection.sendall(b"GET /values/2 HTTP/1.1\r\nhost: replica\r\n\r\n")
        assert connection.recv(17) == b"HTTP/1.1 200 OK\r\n"
        yield connection


def _wait_until_refused(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((client.base_url.host, client.base_url.port)) == errno.ECONNREFUSED:
                return
        assert time.monotonic() < deadline


def _whole_answer(connection: socket.socket) -> bytes:
    """The body of a chunked answer whose status line was read; fails if the connection ends before it does."""
    with connection.makefile("rb") as answer:
        while answer.readline() != b"\r\n":
            pass
        body = bytearray()
        while size := int(answer.readline(), 16):
            body += answer.read(size)
            assert answer.readline() == b"\r\n"
        return bytes(body)
