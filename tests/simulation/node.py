"""Simulated processes: a node is whatever runs in its context, and can be stopped, continued and killed as a whole.

A handle belongs to the node in whose context it was scheduled, and tasks hand their context on to the tasks they
start. So a replica that is started by `Node.start` is, with all that it starts, one process. Code outside of all nodes
(the servers, the network, the test) always runs.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

current_node: ContextVar["Node | None"] = ContextVar("current_node", default=None)
"""The node whose code is running; None outside of all nodes."""


class BrokenOffError(ConnectionError):
    """The node died, or cancelled the call, before it answered: what a client sees when its server goes away."""


class Node:
    """One simulated process. `NodesLoop.node` makes it."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, ready: list[Any], neutral: Context) -> None:
        """`ready` is the loop's list of handles, `neutral` the context outside of all nodes."""
        self.name = name
        self.alive = True
        self.running = True
        """Whether its handles run: alive and not paused."""
        self._loop = loop
        self._ready = ready
        self._neutral = neutral
        self._context = neutral.copy()
        self._context.run(current_node.set, self)
        self._set_aside: list[asyncio.Handle] = []
        self._started: list[asyncio.Task[None]] = []
        self._corpses: list[asyncio.Task[Any]] = []
        self._death: asyncio.Future[None] = loop.create_future()

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.state}>"

    @property
    def state(self) -> str:
        """`running`, `paused` or `dead`."""
        if not self.alive:
            return "dead"
        return "running" if self.running else "paused"

    def start(self, coro: Coroutine[Any, Any, None]) -> None:
        """Run `coro` in this node, as its main program or one more: if it fails, the whole simulation fails at once.

        Raises:
            BrokenOffError: the node is dead.
        """
        task = self.run(coro)
        self._started.append(task)
        task.add_done_callback(self._ended, context=self._neutral)

    def run(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `coro` in this node as a task, which is the caller's to keep and, where it can end, to await.

        Raises:
            BrokenOffError: the node is dead.
        """
        if not self.alive:
            coro.close()
            raise BrokenOffError(f"{self.name} is dead")
        return self._loop.create_task(coro, context=self._context.copy())

    async def call(self, coro: Coroutine[Any, Any, T]) -> T:
        """Await `coro` as a task of this node, from outside of it, as a client does with a server's answer.

        While the node is paused there is no answer. A cancelled call is cancelled in the node too, and not waited for.

        Raises:
            BrokenOffError: the node was dead, died meanwhile, or cancelled the call.
        """
        task = self.run(coro)
        first: set[asyncio.Future[Any]] = {task, self._death}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done() and not task.cancelled():
            return task.result()
        raise BrokenOffError(f"{self.name} is {self.state}")

    def pause(self) -> None:
        """SIGSTOP: none of its handles runs, and timers that come due are set aside, while time goes on.

        A step of its own that is running now goes on to its next `await`.
        """
        self.running = False

    def resume(self) -> None:
        """SIGCONT: all that was set aside is ready, in no order. Does nothing to a node that is dead or runs."""
        if self.alive:
            self.running = True
            self._ready.extend(self._set_aside)
            self._set_aside.clear()

    def kill(self) -> None:
        """SIGKILL: none of its handles ever runs again, and neither does a `finally` or a cancellation of it.

        A step of its own that is running now goes on to its next `await`. Repeating it does nothing.
        """
        if not self.alive:
            return
        self.alive = self.running = False
        self._set_aside.clear()
        # A pending task that nobody refers to any more would be closed, that is run its `finally` blocks.
        self._corpses.extend(task for task in asyncio.all_tasks(self._loop) if getattr(task, "node", None) is self)
        self._death.set_result(None)

    def set_aside(self, handle: asyncio.Handle) -> None:
        """Take a handle that would run now: keep it until `resume`, or drop it when the node is dead."""
        if self.alive:
            self._set_aside.append(handle)

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Take a task that the last step of a dead node has started."""
        self._corpses.append(task)

    def forget(self) -> None:
        """Let go of the tasks, when the loop is closed."""
        self._set_aside.clear()
        self._started.clear()
        self._corpses.clear()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._started.remove(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": f"{self.name} failed", "exception": error})
