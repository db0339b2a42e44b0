"""The whole service over HTTP, as a cluster in memory: what only a running one can show."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest

from tests.cli.command import PATIENCE_S, Command, running

PRIMES = [2**127 - 1, 2**128 - 159, 2**128 - 173]
SEMIPRIMES = [PRIMES[0] * PRIMES[1], PRIMES[0] * PRIMES[2], PRIMES[1] * PRIMES[2]]
"""As long as a number may be: nobody factors them within a deadline."""
pytestmark = pytest.mark.may_block


def address_of(command: Command) -> str:
    """Where a cluster listens, taken from what it says once it is ready."""
    lines = iter(command.line, None)
    return next(found[0] for line in lines if (found := re.search(r"localhost:\d+", line or "")))


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The URL of a cluster of three replicas that gives a request ten seconds to be factored."""
    options = {"factor_timeout_s": 10, "factor_workers": 2, "max_bits": 256}
    with running("dev", "--memory", "--replicas", "3", "--port", "0", settings=options) as command:
        yield f"http://{address_of(command)}"


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_S)


def test_one_bad_number_and_nothing_is_stored(service: str) -> None:
    """P8: whatever is wrong with one number of a batch, none of the others is stored."""
    bad = ["0", "-3", "2.5", "3.0", "true", '"7"', "null", "[7]", "{}", "1e2", str(2**256), "9" * 4000]
    with client_of(service) as client:
        for text in bad:
            response = client.post("/values", content=f"[53,{text}]", headers={"content-type": "application/json"})
            assert response.status_code == 422, text
            assert response.headers["content-type"] == "application/problem+json"
        assert client.get("/values/53").json() == []


def test_ten_thousand_numbers_in_one_post(service: str) -> None:
    """The limit of a batch is served, in the order of the request, and all of it is found."""
    numbers = [59 * number for number in range(10_000, 0, -1)]
    with client_of(service) as client:
        stored = client.post("/values", json=numbers).json()
        found = client.get("/values/59").json()
        assert client.post("/values", json=[*numbers, 1]).status_code == 413
    assert [entry["value"] for entry in stored] == numbers
    assert sorted(entry["value"] for entry in found) == sorted(numbers)


def test_hard_numbers_get_their_422_while_others_are_served(service: str) -> None:
    """Ten clients with numbers that nobody can factor: each is told by the deadline, easy ones go on."""
    with client_of(service) as client, ThreadPoolExecutor(10) as pool:
        hard = [pool.submit(client.post, "/values", json=[10_007, SEMIPRIMES[each % 3]]) for each in range(10)]
        easy = [client.post("/values", json=[67 * number, 2**61 - 1]).status_code for number in range(1, 50)]
        overtaken = sum(not answer.done() for answer in hard)
        answers = [answer.result() for answer in hard]
        assert client.get("/values/10007").json() == []
    assert easy == [200] * 49
    assert overtaken == 10
    named = [answer for answer in answers if answer.status_code == 422]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(named) + len(refused) == 10
    assert named
    assert all(answer.json()["type"] == "urn:factorsvc:problem:factoring-timeout" for answer in named)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused), "never got a worker: 503, and why"
    assert all(answer.headers["x-factorsvc-outcome"] == "nothing-stored" for answer in refused)


def test_schemathesis_finds_nothing() -> None:
    """No 5xx, no undocumented status, no answer that breaks its schema, whatever is sent.

    Whether a number is a prime, and that 3.0 is no integer here, no schema can say; and the event stream never ends.
    """
    options = {"max_bits": 64}  # numbers that are factored at once, so that what is tried is HTTP
    with running("dev", "--memory", "--replicas", "3", "--port", "0", settings=options) as command:
        arguments = ["run", f"http://{address_of(command)}/openapi.json", "--max-examples", "60"]
        arguments += ["--exclude-path", "/cluster/events", "--exclude-checks", "positive_data_acceptance"]
        tried = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), *arguments], capture_output=True, text=True, check=False
        )
    assert tried.returncode == 0, tried.stdout
    assert " generated" in tried.stdout


def test_a_worker_process_does_not_import_the_service() -> None:
    """What the installed command is, a worker process imports again: that must be light."""
    (command,) = entry_points(group="console_scripts", name="factorsvc")
    module = command.value.partition(":")[0]
    code = f"import sys, {module}; print([name for name in sys.modules if name.startswith('factorsvc')])"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert imported.strip() == str(["factorsvc", module])
