"""Nodes in real time and on real sockets: processes that are stopped, continued and killed, without being processes.

For what is tested against a real server but needs many replicas, which as real processes would want a machine of their
own. What the kernel does for a process goes on while its node is paused: bytes come in and are buffered, and what was
handed to a socket is sent. When a node is killed, its sockets are closed.

This rests on names of asyncio's own that have been the same since Python 3.7: `_ready` and `_scheduled`, the loop's
handles, and `_transports` by descriptor.
"""

import asyncio
import gc
import heapq
import socket
import warnings
from collections.abc import Callable, Coroutine, MutableMapping
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

from tests.simulation.node import Node, current_node
from tests.simulation.nodes_loop import NodesLoop
from tests.simulation.tasks import Step, Timer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_CLOSING_S = 0.05


class _Handle(asyncio.Handle):
    """Runs only while its node does."""

    __slots__ = ()
    node: Node | None

    def _run(self) -> None:
        if self.node is None or self.node.running:
            super()._run()
        else:
            self.node.set_aside(self)


class _Step(_Handle, Step):
    __slots__ = ()


class _Timer(_Handle, Timer):
    __slots__ = ()
    _scheduled: bool


class RealTimeLoop(NodesLoop, asyncio.SelectorEventLoop):
    """An event loop like any other, but for its nodes. Callbacks of sockets belong to no node but to the kernel."""

    _scheduled: list[asyncio.TimerHandle]
    _transports: MutableMapping[int, asyncio.Transport]

    def __init__(self) -> None:
        super().__init__()
        self._sockets: WeakKeyDictionary[socket.socket, Node] = WeakKeyDictionary()

    def kill(self, node: Node) -> None:
        """Kill `node`, and close its sockets."""
        node.kill()
        for mine in [each for each, owner in self._sockets.items() if owner is node]:
            self._close(mine)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self._check_open()
        step = _Step(callback, args, self, context)
        self._ready.append(step)
        return step

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_open()
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect, and remember whose socket it is."""
        node = current_node.get()
        if node is not None:
            self._sockets[sock] = node
        await super().sock_connect(sock, address)

    def _close(self, sock: socket.socket) -> None:
        """Close, as a kernel does, whatever state the connection is in."""
        transport = self._transports.get(sock.fileno())
        if transport is not None:
            transport.abort()
        elif sock.fileno() >= 0:
            self.remove_writer(sock)  # it waits for the server to let it in
            sock.close()


def run_in_real_time(main: Callable[[RealTimeLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` outside of all nodes on a new loop, to its end, and return its result. With it the world ends.

    Raises:
        ExceptionGroup: `main` returned, and a task was found that had failed with nobody to care.
    """
    loop = RealTimeLoop()
    try:
        result = loop.run_until_complete(main(loop))
        for node in loop.nodes:
            loop.kill(node)
        loop.run_until_complete(asyncio.sleep(_CLOSING_S))
        gc.collect()  # the garbage may hold a task whose failure nobody has seen
        loop.complain_of_unseen()
    finally:
        with warnings.catch_warnings(action="ignore"):
            loop.close()
            gc.collect()  # what dead processes had would complain of not having been closed
    return result
