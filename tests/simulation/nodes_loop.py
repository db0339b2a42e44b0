"""What every event loop with nodes has, be its time virtual or real: nodes, tasks that know theirs, unseen failures."""

import asyncio
import contextvars
import itertools
import warnings
from collections.abc import AsyncGenerator, Callable
from contextvars import Context
from typing import Any, ParamSpec, TypeVar

from tests.simulation.node import Node, current_node
from tests.simulation.tasks import Awaited, SimulatedTask, bury

T = TypeVar("T")
P = ParamSpec("P")


class NodesLoop(asyncio.BaseEventLoop):
    """Handles of nodes that do not run are for the loop that derives from this to set aside. Abstract."""

    _closed: bool
    _ready: Any
    """Handles that are ready, as a list or a deque."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        """All nodes there ever were, in the order of their starts."""
        self.failures: list[BaseException] = []
        """Exceptions that nobody was there to take."""
        self.neutral_context = contextvars.copy_context()
        """The context outside of all nodes, for `context=` of calls and tasks; see also `outside`."""
        self.neutral_context.run(current_node.set, None)
        self._numbers = itertools.count(1)

    def node(self, name: str) -> Node:
        """A new process. A name may be used again once its node is dead: a restart is a new process."""
        if any(node.name == name and node.alive for node in self.nodes):
            raise ValueError(f"node {name} is alive")
        node = Node(name, self, self._ready, self.neutral_context)
        self.nodes.append(node)
        return node

    def outside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` outside of all nodes: timers and tasks that it starts do not stop or die with the caller."""
        return self.neutral_context.copy().run(function, *args, **kwargs)

    def pending(self) -> list[SimulatedTask[Any]]:
        """All tasks that are not done, dead nodes' included, in the order of their starts."""
        tasks = (task for task in asyncio.all_tasks(self) if isinstance(task, SimulatedTask))
        return sorted(tasks, key=lambda task: task.number)

    def create_task(
        self,
        coro: Awaited[T],
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        self._check_open()
        number = next(self._numbers)
        node = current_node.get() if context is None else context.get(current_node)
        task = SimulatedTask(
            coro, number=number, node=node, loop=self, name=name or f"task-{number}", context=context, **options
        )
        if node is not None and not node.alive:
            node.keep(task)
        return task

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """A callback failed, or a task was dropped while it waited or with an exception that nobody took."""
        error = context.get("exception") or RuntimeError(f"{context['message']}: {context.get('task', '')!r}")
        error.add_note(context["message"])
        self.failures.append(error)

    def complain_of_unseen(self) -> None:
        """Raise what failed and nobody saw, if there is any."""
        if self.failures:
            raise BaseExceptionGroup("nobody saw these fail", self.failures)

    def _asyncgen_finalizer_hook(self, _agen: AsyncGenerator[Any, Any]) -> None:
        """Let an abandoned asynchronous generator go as it is: it is a dead node's, or the world has ended."""

    def close(self) -> None:
        """End the world: nothing in it runs again. Repeating it does nothing.

        What still waits is thrown away with all that is heard of it. Its `finally` blocks do run now, on a closed
        loop, because Python knows no other way: look at what the world has made before closing it.
        """
        if self._closed:
            return
        super().close()
        with warnings.catch_warnings(action="ignore"):
            for task in self.pending():
                bury(task)
        for node in self.nodes:
            node.forget()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the simulation is over")
