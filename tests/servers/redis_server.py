"""Real servers for tests, each with a folder, a port and a password of its own, ended by its process id.

The programs are those that `make setup` puts beside the environment, and whatever stands on the PATH.
"""

import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

SERVERS = Path(__file__).parents[2] / ".venv" / "servers"
HOST = "127.0.0.1"
PASSWORD = "of the tests"  # noqa: S105 - of servers that live as long as a test run
PATIENCE_S = 20.0
"""How long a server may take to start: its end is a failure, never a measurement."""
LOOK_AGAIN_S = 0.01
READY = b"Ready to accept connections"
TAKEN = b"in use"
CONFIGURATION = """
bind {host}
port {port}
requirepass "{password}"
databases 16
dir "{directory}"
save ""
appendonly yes
maxmemory-policy noeviction
zset-max-ziplist-value 192
"""


class Program(NamedTuple):
    """A server that can be started."""

    name: str
    """As "redis-6.2"."""
    path: Path

    @property
    def is_old(self) -> bool:
        """Tell whether it is of the oldest version that we support."""
        return self.name == "redis-6.2"


class NoProgramError(Exception):
    """Something that must be tested against is not on this machine."""


@cache
def programs() -> tuple[Program, ...]:
    """Every kind of server that is here, the oldest first.

    Raises:
        NoProgramError: there is none; or, where it can be had as a package, the oldest or a newer one is missing.
    """
    paths = [*SERVERS.glob("*/bin/redis-server"), *SERVERS.glob("*/*/*/valkey-server")]
    paths += [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    found = {program.name: program for program in map(_program_at, paths) if program is not None}
    kinds = {program.is_old for program in found.values()}
    has_packages = (sys.platform, platform.machine()) == ("linux", "x86_64")
    if kinds != {True, False} if has_packages else not kinds:
        what = "Redis 6.2 and a newer server: `make setup` installs them" if has_packages else "a server on the PATH"
        raise NoProgramError(f"the tests need {what}; found: {', '.join(found) or 'none'}")
    return tuple(sorted(found.values(), key=lambda program: (not program.is_old, program.name)))


def _program_at(path: Path) -> Program | None:
    said = subprocess.run([path, "--version"], capture_output=True, check=False, text=True, timeout=PATIENCE_S).stdout
    version = re.match(r"(\w+) server v=(\d+\.\d+)", said)
    return version and Program(f"{version[1].lower()}-{version[2]}", path)


class RedisServer:
    """One server. Its methods block, until what they say is so."""

    def __init__(self, program: Program, directory: Path) -> None:
        """Prepare one with its data in `directory`, which is its alone; `start` starts it."""
        self.program = program
        self.port = 0
        """Free at the first start, and the same from then on."""
        self._directory = directory
        self._data = directory / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_up(self) -> bool:
        """Tell whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it with the data it has, and return when it answers."""
        is_first = not self.port
        while not self._tries_to_start():
            assert is_first, f"port {self.port} was taken meanwhile"
            self.port = 0

    def stop(self) -> None:
        """End it in order: all data is on the disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def lose_data(self) -> None:
        """Remove all data of a server that does not run."""
        assert not self.is_up
        shutil.rmtree(self._data, ignore_errors=True)

    def restart(self) -> None:
        """End it and start it anew with all its data, without users and connections."""
        self.stop()
        self.start()

    def _tries_to_start(self) -> bool:
        """Start; False if the port is not free."""
        assert not self.is_up
        self.port = self.port or _free_port()
        self._data.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "server.conf"
        configuration.write_text(
            CONFIGURATION.format(host=HOST, port=self.port, password=PASSWORD, directory=self._data), "utf-8"
        )
        log = self._directory / "server.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen([self.program.path, configuration], stdout=output, stderr=output, cwd="/")
        until = time.monotonic() + PATIENCE_S
        while READY not in (said := log.read_bytes()):
            if self._process.poll() is not None:
                assert TAKEN in said, f"{self.program.name} did not start:\n{said!r}"
                return False
            assert time.monotonic() < until, f"{self.program.name} is not ready:\n{said!r}"
            time.sleep(LOOK_AGAIN_S)
        return True

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(PATIENCE_S)
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
