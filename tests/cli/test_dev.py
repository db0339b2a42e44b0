"""`factorsvc dev --memory`: a cluster in one process, as a newcomer meets it."""

import re
import signal

import httpx
import pytest

from tests.cli.command import PATIENCE_S, Command, running

JSON = {"content-type": "application/json"}
STORED = b'[{"value":144,"prime_factors":[2,2,2,2,3,3]},{"value":120,"prime_factors":[2,2,2,3,5]}]'
FOUND = b'[{"value":120,"prime_factors":[2,2,2,3,5]}]'
HOLDER = re.compile(r"replica (\d+): slot (\d+), (\d+) classes: ([\d ]+)")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_newcomer_sees_the_cluster_work(stop: signal.Signals) -> None:
    """It says who holds what and what to try; that gives the bodies of the design; Ctrl-C drains and exits 0."""
    with running("dev", "--memory", "--replicas", "3", "--port", "0", settings={}) as command:
        holders = [HOLDER.fullmatch(command.line()) for _ in range(3)]
        with _client(command) as client:
            slots = {client.get("/readyz").json()["slot"] for _ in range(3)}
            stored = client.post("/values?ttl=300", content=b"[144,120]", headers=JSON)
            found = [client.get("/values/5").content for _ in range(3)]

        command.signal(stop)
        assert command.exit_code() == 0
        assert command.rest() == ([], [])

    assert [int(holder[1]) for holder in holders if holder] == [1, 2, 3]
    assert {int(holder[2]) for holder in holders if holder} == slots, "requests are not dealt in turn"
    assert sorted(int(one) for holder in holders if holder for one in holder[4].split()) == list(range(61))
    assert all(int(holder[3]) == len(holder[4].split()) for holder in holders if holder)
    assert (stored.status_code, stored.content) == (200, STORED)
    assert found == [FOUND] * 3


def test_a_seventeenth_replica_stands_by() -> None:
    """There are sixteen slots: one replica is told of as a standby, and is dealt no requests."""
    with running("dev", "--memory", "--replicas", "17", "--port", "0", settings={}) as command:
        said = [command.line() for _ in range(17)]
        with _client(command) as client:
            slots = [client.get("/readyz").json()["slot"] for _ in range(17)]
            standbys = client.get("/metrics").text

        command.signal(signal.SIGINT)
        assert command.exit_code() == 0

    assert sum(line.endswith(": stands by until a slot is free") for line in said) == 1
    assert {int(holder[2]) for line in said if (holder := HOLDER.fullmatch(line))} == set(range(16)) == set(slots)
    assert "factorsvc_standby_replicas 1.0" in standbys


def test_settings_apply_and_options_go_before_them() -> None:
    """What is set in the environment holds here too, but for the address if that is given."""
    settings = {"http_port": 1, "http_host": "192.0.2.1", "max_batch": 1, "log_level": "info", "log_format": "json"}
    arguments = ["dev", "--memory", "--replicas", "1", "--host", "127.0.0.1", "--port", "0"]
    with running(*arguments, settings=settings) as command:
        command.line()
        with _client(command) as client:
            assert client.post("/values", content=b"[144,120]", headers=JSON).status_code == 413

        command.signal(signal.SIGINT)
        assert command.exit_code() == 0
        _, log = command.rest()

    assert any('"event": "draining"' in line for line in log)


def test_lines_of_the_log_name_their_replica() -> None:
    """Several replicas write one log."""
    settings = {"log_level": "info", "log_format": "json"}
    with running("dev", "--memory", "--replicas", "2", "--port", "0", settings=settings) as command:
        assert [command.line().startswith("replica") for _ in range(2)]
        with _client(command) as client:
            assert [client.get("/values/5").status_code for _ in range(2)] == [200, 200]
        command.signal(signal.SIGINT)
        assert command.exit_code() == 0
        _, log = command.rest()

    for number in (1, 2):
        events = [re.findall(r'"event": "(\w+)"', line)[0] for line in log if f'"replica": {number},' in line]
        assert {"slot_claimed", "placement_followed", "serving_changed", "ready", "request", "slot_released"} <= set(
            events
        )


def test_a_cluster_of_real_servers_is_still_to_come() -> None:
    """Without --memory one line says so, and the exit code is 2."""
    with running("dev", settings={}) as command:
        assert command.exit_code() == 2
        assert command.rest() == (
            [],
            ["factorsvc: a cluster of real servers on this machine is still to come; use --memory"],
        )


@pytest.mark.parametrize("arguments", [["--replicas", "65"], ["--port", "x"]])
def test_an_option_that_cannot_be_is_refused(arguments: list[str]) -> None:
    """The option is named, and the exit code is 2."""
    with running("dev", "--memory", *arguments, settings={}) as command:
        assert command.exit_code() == 2
        _, err = command.rest()

    assert arguments[0] in "".join(err)


def _client(command: Command) -> httpx.Client:
    """A client of the address in the lines that say what to try, which must be exactly these."""
    assert command.line() == "Ready. Try this; Ctrl-C ends it:"
    post = command.line()
    (port,) = re.findall(r"localhost:(\d+)/", post)
    assert post == f"curl -s 'localhost:{port}/values?ttl=300' -H 'content-type: application/json' -d '[144,120]'"
    assert command.line() == f"curl -s localhost:{port}/values/5"
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S)
