"""What runs inside a worker process. It imports nothing but its engine, and whatever happens to the service it ends."""

import fcntl
import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Final

Factor = Callable[[int], tuple[int, ...]]

GRACE_S: Final = 1.0  # how long after the deadline the kernel ends what the service should have ended
NICENESS: Final = 5  # with as many busy workers as cores, the event loop still comes first


def prepare() -> None:
    """Let the kernel alone decide over this process: none of Python's handlers runs while C code factors.

    pebble's handler of SIGTERM is such a one. It would be waited for, 3 s for each kill, before SIGKILL comes.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()


def report(factor_one: Factor) -> int:
    """Return the id of this process, once it has imported and tried what it will need. From then on it steps back."""
    factor_one(6)
    os.nice(NICENESS)  # not before: somebody waits for the start
    return os.getpid()


def factor_within(factor_one: Factor, number: int, limit_s: float) -> tuple[int, ...]:
    """Return `factor_one(number)`, or be ended by the kernel when `limit_s` is well over, as of a frozen service."""
    signal.setitimer(signal.ITIMER_REAL, max(limit_s, 0) + GRACE_S)
    try:
        return factor_one(number)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _end_with_parent() -> None:
    """Have SIGIO sent, which ends a process, when the parent's end of a pipe closes: also at its `kill -9`.

    A worker without work sees that anyway, as the end of its tasks; one at work would go on for hours. Where SIGIO is
    ignored by default (macOS), that one lives until `factor_within` ends it.
    """
    parent = multiprocessing.parent_process()
    if parent is None:  # not in a worker
        return
    pipe = parent.sentinel
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():  # it was gone before the signal was asked for
        os._exit(1)
