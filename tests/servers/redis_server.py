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
OLDEST = "redis-6.2"
"""The oldest version that we support, which is never missing where it can be had as a package."""
READY = b"Ready to accept connections"
TAKEN = b"in use"
CONFIGURATION = """
bind {host}
port {port}
requirepass "{password}"
databases {databases}
dir "{directory}"
{persistence}
maxmemory-policy noeviction
zset-max-ziplist-value 192
"""
EVERY_WRITE = 'save ""\nappendonly yes'
"""How a server keeps its data: all that it has acknowledged survives any end."""
ON_DEMAND = "save 999999999 1\nappendonly no"
"""Only what was there at an end in order, or at a SAVE, survives."""


class Program(NamedTuple):
    """A server that can be started."""

    name: str
    """As "redis-6.2"."""
    path: Path


class NoProgramError(Exception):
    """Something that must be tested against is not on this machine."""


@cache
def programs() -> dict[str, Program]:
    """Every server that is here, by kind."""
    paths = [*SERVERS.glob("*/bin/redis-server"), *SERVERS.glob("*/*/*/valkey-server")]
    paths += [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    return {program.name: program for program in map(_program_at, reversed(paths)) if program is not None}


def kinds() -> list[str]:
    """What is to be tested against, the oldest first: what is here, and what is not but must be."""
    newer = sorted(programs().keys() - {OLDEST})
    if (sys.platform, platform.machine()) == ("linux", "x86_64"):
        return [OLDEST, *(newer or ["a newer one"])]
    return [*programs().keys() & {OLDEST}, *newer] or ["any"]


def program_named(kind: str) -> Program:
    """Return the server of a kind.

    Raises:
        NoProgramError: it is not here.
    """
    if kind not in programs():
        raise NoProgramError(
            f"no server to test against: {kind}. `make setup` installs some on x86-64 Linux; else put one on the PATH"
        )
    return programs()[kind]


def _program_at(path: Path) -> Program | None:
    said = subprocess.run([path, "--version"], capture_output=True, check=False, text=True, timeout=PATIENCE_S).stdout
    version = re.match(r"(\w+) server v=(\d+\.\d+)", said)
    return version and Program(f"{version[1].lower()}-{version[2]}", path)


class RedisServer:
    """One server. Its methods block, until what they say is so."""

    def __init__(
        self, program: Program, directory: Path, *, databases: int = 16, persistence: str = EVERY_WRITE
    ) -> None:
        """Prepare one with its data in `directory`, which is its alone; `start` starts it."""
        self.program = program
        self._persistence = persistence
        self._databases = databases
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
            CONFIGURATION.format(
                host=HOST,
                port=self.port,
                password=PASSWORD,
                databases=self._databases,
                directory=self._data,
                persistence=self._persistence,
            ),
            "utf-8",
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


class Fleet:
    """One server of each kind, started when it is first needed."""

    def __init__(self, directory: Path) -> None:
        """Have them in `directory`."""
        self._directory = directory
        self._servers: dict[str, RedisServer] = {}

    def running(self, kind: str) -> RedisServer:
        """Return the one of this kind, started if it does not run.

        Raises:
            NoProgramError: it is not here, and must be.
        """
        if kind not in self._servers:
            directory = self._directory / kind
            directory.mkdir()
            self._servers[kind] = RedisServer(program_named(kind), directory)
        server = self._servers[kind]
        if not server.is_up:
            server.start()
        return server

    def stop(self) -> None:
        """End all; nothing of theirs is needed any more."""
        for server in self._servers.values():
            server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
