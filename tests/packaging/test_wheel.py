"""What a user gets: the wheel alone, in an environment that has never seen this checkout, does what the README says."""

import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.packaging.checkout import LOCK, clean_environment, make_environment, uv

READY_WITHIN_S = 30.0
DRAINED_WITHIN_S = 40.0  # the drain deadline is 25 s
STORED = b'[{"value":144,"prime_factors":[2,2,2,2,3,3]},{"value":120,"prime_factors":[2,2,2,3,5]}]'
FOUND = b'[{"value":120,"prime_factors":[2,2,2,3,5]}]'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--out-dir", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `factorsvc` of an environment that holds the wheel and the runtime lock."""
    return make_environment(tmp_path_factory.mktemp("empty") / "venv", sys.executable, LOCK, wheel) / "factorsvc"


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def dev(command: Path, port: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running `factorsvc dev --memory`, killed if the test leaves it behind."""
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [command, "dev", "--memory", "--replicas", "3", "--port", str(port)],
            cwd=tmp_path,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        print(said.read_text("utf-8"))  # pytest shows it with a failure


def test_wheel_carries_its_types_and_licence(wheel: Path) -> None:
    """Type checkers of users see our annotations, and the licence travels along."""
    names = zipfile.ZipFile(wheel).namelist()

    assert "factorsvc/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith("tests")]


@pytest.mark.timeout(180)  # an environment is installed, and a cluster started and drained
def test_cluster_in_one_process_runs_from_the_wheel(dev: subprocess.Popen[bytes], port: int) -> None:
    """The two calls of the README give their exact bodies, and Ctrl-C drains and exits 0."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        _await_readiness(dev, client)

        stored = client.post("/values?ttl=300", content=b"[144,120]", headers={"content-type": "application/json"})
        found = client.get("/values/5")

    assert (stored.status_code, stored.content) == (200, STORED)
    assert (found.status_code, found.content) == (200, FOUND)

    dev.send_signal(signal.SIGINT)
    assert dev.wait(DRAINED_WITHIN_S) == 0


def _await_readiness(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        assert process.poll() is None, f"exited with {process.returncode} before it was ready"
        assert time.monotonic() < deadline, f"not ready within {READY_WITHIN_S:g} s"
        try:
            if client.get("/readyz").status_code == httpx.codes.OK:
                return
        except httpx.ConnectError:
            pass  # not listening yet
        time.sleep(0.05)
