"""The world of the journal: a few processes, two servers, and the calls between them, of which each waits for its fate.

What may happen next is in `calls`, `lives` and `weather`; here is what happening means.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from factorsvc.application.policy import Policy
from tests.journal.invariants import Invariants
from tests.journal.process import Process
from tests.journal.servers import Servers
from tests.journal.shape import Shape
from tests.journal.truth import Truth
from tests.journal.wire import Call

DULL = frozenset({"connect", "open", "expired", "sizes"})
"""Calls that are served at once: whatever could come between can come before or after as well."""
FAR = 60
"""Calls in one run at most."""


class Move(NamedTuple):
    """Something that may happen next."""

    label: str
    act: Callable[[], None]
    process: Process | None = None
    """Whose doing it is, if that of one process."""


class World:
    """What is."""

    def __init__(self, shape: Shape) -> None:
        """Begin with nobody alive and nothing stored."""
        self.shape = shape
        self.steps = 0
        self.truth = Truth(shape.values)
        self.servers = Servers(shape.classes, self.truth)
        self.processes: list[Process] = []
        """All that live, frozen ones too."""
        self.dead: list[Process] = []
        self.holders: list[Process | None] = [None] * shape.holders
        """The youngest process of each slot, if it lives."""
        self.late: list[tuple[str, Call]] = []
        """What was sent, is not waited for any more, and may still arrive."""
        self.policy = Policy(
            classes=shape.classes,
            append_timeout_s=5.0,
            drain_deadline_s=0.0,
            tick_s=1.0,
            verify_interval_s=3.0,
            bury_after_s=0.0,
            retry_s=0.0,
            transaction_values=shape.chunk,
            take_records=2,
            take_timeout_s=0.0,
        )
        self._invariants = Invariants(shape, self.servers, self.truth)

    @property
    def running(self) -> list[Process]:
        """The processes that do something when they are let."""
        return [process for process in self.processes if not process.is_frozen]

    def do(self, move: Move) -> None:
        """Let it happen, and all that follows by itself.

        Raises:
            ViolationError: something does not hold after it.
        """
        self.steps += 1
        move.act()
        self.settle()
        self._invariants.check(self.running, self.processes)

    def end(self) -> None:
        """End the world."""
        for process in self.processes + self.dead:
            process.loop.bury()
        self.servers.loop.bury()

    # --- calls

    def may(self, trouble: str, call: Call) -> bool:
        """Tell whether a call can have a kind of trouble."""
        return trouble in self.shape.trouble or f"{trouble}:{call.method}" in self.shape.trouble

    def under_way(self, process: Process) -> Iterator[tuple[str, Call]]:
        """The calls of a process that something comes of, each with a name of its own."""
        seen: dict[str, int] = {}
        for call in process.under_way:
            number = seen[call.name] = seen.get(call.name, 0) + 1
            name = f"{process}: {call.name}" + (f" ({number})" if number > 1 else "")
            if call.method != "take" or self._is_useful(call):
                yield name, call

    def serve(self, process: Process, call: Call) -> None:
        """Do what was called for, if that is not done yet, and answer."""
        if not call.is_done:
            call.take_effect(self.servers.loop)
        if call in process.under_way:
            process.under_way.remove(call)
        call.answer()

    def lose(self, process: Process, call: Call) -> None:
        """Give no answer."""
        if call in process.under_way:
            process.under_way.remove(call)
        call.fail()

    def postpone(self, name: str, call: Call) -> None:
        """Have what was called for happen later, where that may be; nobody waits for it."""
        if not call.is_done and self.may("late", call):
            self.late.append((name, call))

    def run(self, process: Process, stop: str = "") -> None:
        """Serve the calls of a process, one at least, until it has none any more, or calls of `stop` only."""
        for number in range(FAR):
            calls = [call for _, call in self.under_way(process)]
            served = [call for call in calls if call.method != stop] or calls[: not number]
            if not served:
                return
            self.serve(process, served[0])
            self.settle()
            self._invariants.check([process], [process])

    # --- what happens by itself

    def settle(self) -> None:
        """Let everybody go on until all wait for the world."""
        busy = True
        while busy:
            busy = False
            self.servers.loop.run_until_blocked()
            for process in self.running:
                process.loop.run_until_blocked()
                for call in [call for call in process.under_way if self._is_dull(process, call)]:
                    self.serve(process, call)
                    busy = True
                busy |= process.loop.has_work
            busy |= self.servers.loop.has_work

    def _is_dull(self, process: Process, call: Call) -> bool:
        """Tell whether a call is served at once."""
        return call.method in DULL or (call.method == "take" and process.has_orders and not self._is_useful(call))

    def _is_useful(self, call: Call) -> bool:
        """Tell whether a look at the journal sees something."""
        if call.is_done:
            return True
        fetch: Any = call.effect
        positions: dict[int, int] = fetch.args[0].args[0]
        partitions = self.servers.journal.log.partitions
        return any(partitions[class_id].end != position for class_id, position in positions.items())
