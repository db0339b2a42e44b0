"""The world of the journal: a few processes, two servers, and everything that may happen next, one step at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

from factorsvc.adapters.memory.storage import MemoryStorage
from factorsvc.application.policy import Policy
from factorsvc.domain.question import Question, ReadIndex
from factorsvc.domain.trust import Trust, trust
from factorsvc.domain.value import class_of
from tests.journal.process import Process
from tests.journal.servers import RETENTION_S, Servers
from tests.journal.truth import Post, Truth, ViolationError
from tests.journal.wire import Call

DULL = frozenset({"connect", "open", "expired", "sizes"})
"""Calls that are served at once: whatever could come between can come before or after as well."""
PRIME = 2
ZOMBIES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the world is, and what can go wrong in it."""

    holders: int = 2
    classes: int = 1
    values: tuple[int, ...] = (2, 4)
    puts: int = 5
    begun: int = 0
    posts: tuple[tuple[int, int | None], ...] = ()
    stops: tuple[str, ...] = ("look", "commit", "bury", "remove", "clear")
    chunk: int = 1
    """Values in a transaction."""
    trouble: frozenset[str] = frozenset()


class Move(NamedTuple):
    """Something that may happen next."""

    label: str
    act: Callable[[], None]


class World:
    """What is, and what may happen next."""

    def __init__(self, shape: Shape) -> None:
        """Begin with nobody alive and nothing stored."""
        self.shape = shape
        self.steps = 0
        self.quiet = False
        self.truth = Truth(shape.values)
        self.servers = Servers(shape.classes, self.truth)
        self.processes: list[Process] = []
        self.dead: list[Process] = []
        self.holders: list[Process | None] = [None] * shape.holders
        self.late: list[tuple[str, Call]] = []
        self._policy = Policy(
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
        self._starts = [0] * shape.holders
        self.kinds: dict[str, Callable[[], Iterator[Move]]] = {
            "call": self._calls,
            "run": self._runs,
            "advance": self._advances,
            "start": self._starts_of_processes,
            "give up": self._givings_up,
            "post": self._posts,
            "tick": self._tick,
            "compact": self._compactions,
            "clean": self._cleanings,
            "drop": self._droppings,
            "land": self._landings,
            "wake": self._wakings,
        }
        troubles: dict[str, Callable[[], Iterator[Move]]] = {
            "age": self._ageing,
            "lose request": self._lost_requests,
            "lose answer": self._lost_answers,
            "late": self._late_calls,
            "stall": self._stalled_calls,
            "crash": self._crashes,
            "freeze": self._freezings,
            "move": self._moves_of_classes,
            "flushall": self._wipes,
            "save": self._saves,
            "restart": self._restarts,
            "reconnect": self._reconnects,
            "full": self._fullness,
            "deadline": self._deadlines,
        }
        first_words = {kind.partition(":")[0] for kind in shape.trouble}
        for slot in range(shape.begun):
            self._start(slot)
            self._settle()
            self._run(self.processes[-1])
        self.kinds |= {kind: moves for kind, moves in troubles.items() if kind in first_words}

    def do(self, move: Move) -> None:
        """Let it happen, and all that follows by itself."""
        self.steps += 1
        move.act()
        self._settle()

    def end(self) -> None:
        """End the world."""
        for process in self.processes + self.dead:
            process.loop.bury()
        self.servers.loop.bury()

    # --- what holds

    def check(self, of: Process | None = None) -> None:
        """Complain of whatever does not hold; of one process, if only that has done something."""
        if self.quiet:
            return
        for process in self.processes if of is None else [of]:
            for error in process.failures():
                raise error
        self.truth.check()
        if self.servers.journal.settings is None:
            return
        now_ms = self.servers.now_ms()
        states = self.truth.states(now_ms)
        rebuilt = {
            present.value: present.put_id
            for class_id in self.servers.classes
            for present in self.servers.rebuilt(class_id)
            if not present.has_expired(now_ms)
        }
        if rebuilt != states:
            raise ViolationError(f"rebuild: the journal gives {rebuilt}, and the truth is {states}")
        for process in self._running() if of is None else [of]:
            for class_id in self.servers.classes:
                self._check_served(process, class_id, states)

    def _check_served(self, process: Process, class_id: int, states: dict[int, bytes]) -> None:
        """Complain if what `process` would answer now for a class is not the truth."""
        service = process.service
        if service is None or not process.is_sure or process.tenure is None or process.tenure.done():
            return
        end = self.servers.ends()[class_id]
        position = service.work.custody[class_id].position
        if position is None or position.next_offset < end:
            return
        answers = service._rounds._answers
        if class_id not in answers._ready(Question(b"", 0, (PRIME,), ReadIndex(0, {class_id: end}), 0), {class_id}):
            return
        if process.is_fenced:
            return
        database = self.servers.redis.databases[process.slot]
        stored = database.positions.get(class_id)
        load_id = service.work.custody.load_ids[class_id]
        if trust(stored, stored, load_id, end) is not Trust.GOOD:
            return
        now_ms = self.servers.now_ms()
        values = [value for value in self.shape.values if class_of(value, self.shape.classes) == class_id]
        presents = database.presents_of(values, self.shape.classes)
        held = {value: present.put_id for value, present in presents.items() if not present.has_expired(now_ms)}
        wanted = {value: states[value] for value in values if value in states}
        if held != wanted:
            raise ViolationError(f"serve: {process} holds {held}, and the truth is {wanted}")

    # --- what happens by itself

    def _running(self) -> list[Process]:
        return [process for process in self.processes if not process.is_frozen]

    def _settle(self) -> None:
        """Let everybody go on until all wait for the world."""
        busy = True
        while busy:
            busy = False
            self.servers.loop.run_until_blocked()
            for process in self._running():
                process.loop.run_until_blocked()
                for call in [call for call in process.under_way if self._is_dull(process, call)]:
                    self._serve(process, call)
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

    def _serve(self, process: Process, call: Call) -> None:
        if not call.is_done:
            call.take_effect(self.servers.loop)
        if call in process.under_way:
            process.under_way.remove(call)
        call.answer()

    def _lose(self, process: Process, call: Call) -> None:
        if call in process.under_way:
            process.under_way.remove(call)
        call.fail()

    def _postpone(self, name: str, call: Call) -> None:
        if not call.is_done and self._may("late", call):
            self.late.append((name, call))

    def _may(self, trouble: str, call: Call) -> bool:
        return trouble in self.shape.trouble or f"{trouble}:{call.method}" in self.shape.trouble

    # --- what may happen next

    def _each(self, trouble: str = "") -> Iterator[tuple[str, Process, Call]]:
        """The calls under way that still have not taken effect, by name; with `trouble` those that may have it."""
        for process in self._running():
            for name, call in self._each_of(process):
                if not trouble or (not call.is_done and call.method != "take" and self._may(trouble, call)):
                    yield name, process, call

    def _each_of(self, process: Process) -> Iterator[tuple[str, Call]]:
        seen: dict[str, int] = {}
        for call in process.under_way:
            number = seen[call.name] = seen.get(call.name, 0) + 1
            name = f"{process}: {call.name}" + (f" ({number})" if number > 1 else "")
            if call.method != "take" or self._is_useful(call):
                yield name, call

    def _calls(self) -> Iterator[Move]:
        for name, process, call in self._each():
            yield Move(name, partial(self._serve, process, call))

    def _runs(self) -> Iterator[Move]:
        for process in self._running():
            if any(self._each_of(process)):
                yield Move(f"{process} goes on", partial(self._run, process))

    def _advances(self) -> Iterator[Move]:
        for process in self._running():
            if any(self._each_of(process)):
                for stop in self.shape.stops:
                    yield Move(
                        f"{process} goes on to its next {stop}",
                        partial(self._run, process, stop),
                    )

    def _run(self, process: Process, stop: str = "") -> None:
        """Serve the calls of a process, one at least, until it waits for something else, or makes a call `stop`."""
        for number in range(60):
            call = next((call for _, call in self._each_of(process)), None)
            if call is None or (number and any(call.method == stop for call in process.under_way)):
                return
            self._serve(process, call)
            self._settle()
            self.check(process)

    def _stalled_calls(self) -> Iterator[Move]:
        for name, _, call in self._each("stall"):
            yield Move(f"{name}: done, not answered yet", partial(call.take_effect, self.servers.loop))

    def _lost_requests(self) -> Iterator[Move]:
        for name, process, call in self._each("lose request"):
            yield Move(f"{name}: lost", partial(self._lose, process, call))

    def _lost_answers(self) -> Iterator[Move]:
        for name, process, call in self._each("lose answer"):

            def act(process: Process = process, call: Call = call) -> None:
                call.take_effect(self.servers.loop)
                self._lose(process, call)

            yield Move(f"{name}: done, answer lost", act)

    def _late_calls(self) -> Iterator[Move]:
        for name, process, call in self._each("late"):
            if len(self.late) < 3:

                def act(name: str = name, process: Process = process, call: Call = call) -> None:
                    self._postpone(name, call)
                    self._lose(process, call)

                yield Move(f"{name}: no answer, comes late", act)

    def _landings(self) -> Iterator[Move]:
        for name, call in self.late:

            def act(name: str = name, call: Call = call) -> None:
                self.late.remove((name, call))
                call.take_effect(self.servers.loop)

            yield Move(f"late: {name}", act)

    def _starts_of_processes(self) -> Iterator[Move]:
        for slot, holder in enumerate(self.holders):
            if self.servers.redis.full:
                continue
            if holder is None or holder.is_frozen or not holder.is_sure:
                zombies = [process for process in self.processes if process not in self.holders]
                if holder is None or len(zombies) < ZOMBIES:
                    yield Move(f"a process starts in slot {slot}", partial(self._start, slot))
            if holder is not None and not holder.is_frozen and (holder.tenure is None or holder.tenure.done()):
                yield Move(f"{holder} claims again", holder.begin_tenure)

    def _start(self, slot: int) -> None:
        self._starts[slot] += 1
        name = f"{slot}.{self._starts[slot]}"
        old = self.holders[slot]
        if old is not None and old.claim is not None:
            old.claim.lease.sure_until = min(old.claim.lease.sure_until, self.servers.now)
        process = Process(self.servers, self._policy, slot, name, lambda call: self._postpone(name, call))
        self.holders[slot] = process
        self.processes.append(process)
        process.begin_tenure()

    def _givings_up(self) -> Iterator[Move]:
        for process in self._running():
            if process.tenure is not None and not process.tenure.done() and (not process.is_sure or process.is_fenced):
                yield Move(f"{process} gives up", partial(_cancel, process))

    def _crashes(self) -> Iterator[Move]:
        for process in self.processes:
            yield Move(f"{process} crashes", partial(self._crash, process))

    def _crash(self, process: Process) -> None:
        self.processes.remove(process)
        if process in self.holders:
            self.holders[process.slot] = None
        for call in process.under_way:
            self._postpone(f"{process}: {call.name}", call)
        process.is_frozen = True
        self.dead.append(process)

    def _freezings(self) -> Iterator[Move]:
        for process in self._running():
            yield Move(f"{process} freezes", partial(_freeze, process, is_frozen=True))

    def _wakings(self) -> Iterator[Move]:
        for process in self.processes:
            if process.is_frozen:
                yield Move(f"{process} wakes", partial(_freeze, process, is_frozen=False))

    def _moves_of_classes(self) -> Iterator[Move]:
        for process in self._running():
            here = not process.is_placed
            yield Move(
                f"the classes are placed {'at' if here else 'away from'} {process}",
                partial(process.place, here=here),
            )

    def _posts(self) -> Iterator[Move]:
        number = len(self.truth.posts)
        if number >= (len(self.shape.posts) or self.shape.puts):
            return
        choice: list[tuple[int, int | None]] = [(value, ttl_s) for value in self.shape.values for ttl_s in (None, 1)]
        if self.shape.posts:
            choice = [self.shape.posts[number]]
        for process in self._running():
            if process.service is not None:
                for value, ttl_s in choice:
                    yield Move(
                        f"{process} takes a POST of {value}, ttl {ttl_s}",
                        partial(self._post, process, [value], ttl_s),
                    )

    def _post(self, process: Process, values: list[int], ttl_s: int | None) -> None:
        post = Post(len(self.truth.posts), values, self.steps)
        self.truth.posts.append(post)
        process.post(post, ttl_s, lambda: self.steps)

    def _tick(self) -> Iterator[Move]:
        yield Move("a second passes", lambda: self._pass(1.25))

    def _deadlines(self) -> Iterator[Move]:
        yield Move("a POST's time passes", lambda: self._pass(4.5))

    def _pass(self, seconds: float) -> None:
        self.servers.now += seconds
        for process in self._running():
            process.renew()
            for call in list(process.under_way):
                if call.deadline is not None and call.deadline <= self.servers.now and call.method != "take":
                    self._postpone(f"{process}: {call.name}", call)
                    self._lose(process, call)

    def _ageing(self) -> Iterator[Move]:
        yield Move("a day passes", self._age)

    def _age(self) -> None:
        for process in self._running():
            for call in list(process.under_way):
                self._postpone(f"{process}: {call.name}", call)
                self._lose(process, call)
        for process in self._running():
            process.renew()
        self.servers.now += RETENTION_S + 1
        for process in self._running():
            if process.claim is not None and not process.is_fenced:
                process.claim.lease.renewed(self.servers.now)

    def _compactions(self) -> Iterator[Move]:
        if self.servers.journal.settings:
            yield Move("compaction", self._compact)

    def _compact(self) -> None:
        for class_id in self.servers.classes:
            self.servers.journal.compact(class_id)

    def _cleanings(self) -> Iterator[Move]:
        for label, act in self.servers.cleanings():
            yield Move(label, act)

    def _droppings(self) -> Iterator[Move]:
        for label, partition, left in self.servers.droppings():
            yield Move(f"drop {label}", partial(partition.replace, left))

    def _wipes(self) -> Iterator[Move]:
        yield Move("FLUSHALL", self.servers.redis.wipe)

    def _saves(self) -> Iterator[Move]:
        yield Move("Redis saves", self.servers.redis.save)

    def _restarts(self) -> Iterator[Move]:
        redis = self.servers.redis
        yield Move("Redis restarts and loses what it has not saved", partial(redis.restart, lose_unsaved=True))

    def _reconnects(self) -> Iterator[Move]:
        yield Move("Redis restarts, but keeps its users", self._reconnect)

    def _reconnect(self) -> None:
        redis = self.servers.redis
        users = dict(redis._users)
        redis.restart(lose_unsaved=True)
        redis._users.update(users)
        for process in self.processes:
            if process.claim is not None:
                cast("MemoryStorage", process.claim.storage)._writer.cut()

    def _fullness(self) -> Iterator[Move]:
        redis = self.servers.redis
        yield Move("Redis has room" if redis.full else "Redis is full", lambda: setattr(redis, "full", not redis.full))


def _cancel(process: Process) -> None:
    if process.tenure is not None:
        process.tenure.cancel()


def _freeze(process: Process, *, is_frozen: bool) -> None:
    process.is_frozen = is_frozen
