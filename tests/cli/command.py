"""Running the command as its users do: a process of its own, what it says line by line, its exit code."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import httpx

PATIENCE_S = 40.0
"""For whatever must happen at all, on a machine that does much else."""


class Command:
    """A running `factorsvc`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._out, self._err = _Lines(process.stdout), _Lines(process.stderr)

    def line(self) -> str:
        """The next line on stdout; fails if there will be none."""
        return self._out.next()

    def event(self, name: str) -> dict[str, Any]:
        """The next log line on stdout that has event `name`; those before it are passed over."""
        while True:
            event: dict[str, Any] = json.loads(self.line())
            if event["event"] == name:
                return event

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end."""
        return self._process.wait(PATIENCE_S)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def rest(self) -> tuple[list[str], list[str]]:
        """What it still says on stdout and on stderr, to its end."""
        return self._out.rest(), self._err.rest()

    @property
    def said(self) -> str:
        """All that it has said until now, on stdout and stderr, whether or not it was asked for."""
        return "\n".join([*self._out.said, *self._err.said])

    def join(self) -> None:
        """Take what is left of a process that has ended."""
        self._out.join()
        self._err.join()


@contextmanager
def running(*arguments: str, settings: Mapping[str, object], script: str = "") -> Iterator[Command]:
    """Run `factorsvc` with `arguments`, and `settings` as {"http_port": 0}; killed if it is left behind.

    `script` is Python that comes before, in the same process.
    """
    code = f"{script}\nfrom factorsvc.__main__ import main\nmain()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACTORSVC_")}
    environment |= {f"FACTORSVC_{name.upper()}": str(value) for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        command = Command(process)
        try:
            yield command
        finally:
            process.kill()
            command.join()


@contextmanager
def serving(**settings: object) -> Iterator[tuple[Command, httpx.Client]]:
    """One replica in memory that is ready, and a client of it."""
    with running("serve", settings={"backend": "memory", "http_port": 0, "drain_delay_s": 0} | settings) as command:
        port = command.event("listening")["port"]
        command.event("ready")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S) as client:
            yield command, client


class _Lines:
    """The lines of a pipe, read by a thread so that waiting for one can end."""

    def __init__(self, pipe: IO[str]) -> None:
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=[pipe])
        self._thread.start()

    def next(self) -> str:
        line = self._lines.get(timeout=PATIENCE_S)
        assert line is not None, "it says no more"
        return line

    def rest(self) -> list[str]:
        deadline = time.monotonic() + PATIENCE_S
        return list(iter(lambda: self._lines.get(timeout=deadline - time.monotonic()), None))

    def join(self) -> None:
        self._thread.join()

    def _read(self, pipe: IO[str]) -> None:
        for line in pipe:
            self.said.append(line.rstrip("\n"))
            self._lines.put(self.said[-1])
        self._lines.put(None)
