"""Links on which nothing happens by itself: each call waits until the world decides what becomes of it."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FrameType
from typing import Any, TypeVar

from factorsvc.adapters.memory.compaction import JournalId, JournalRecord
from factorsvc.adapters.memory.link import Link, LinkDownError
from factorsvc.domain.record import Put
from tests.journal.loop import ProcessLoop
from tests.journal.truth import post_of

T = TypeVar("T")

PORTS = "factorsvc.adapters.memory"
PARTS = "factorsvc.application"


class Call:
    """One call under way: what the server is to do, what it has answered, and who waits."""

    def __init__(self, loop: ProcessLoop, name: str, effect: Callable[[], Any], deadline: float | None) -> None:
        """Begin with nothing done."""
        self.name = name
        """The port's method, and the part of the application that called it."""
        self.method = name.partition(" ")[0]
        self.deadline = deadline
        self.is_done = False
        """The server has done it, but its answer is still on its way."""
        self.effect = effect
        self._answer: asyncio.Future[Any] = loop.create_future()
        self._result: Any = None
        self._error: Exception | None = None

    def take_effect(self, server: ProcessLoop) -> None:
        """Have the server do it."""
        self.is_done = True
        try:
            self._result = server.carry_out(self.effect)
        except Exception as error:  # noqa: BLE001 - whatever it raises is the caller's to see
            self._error = error

    def answer(self) -> None:
        """Give the caller what the server said."""
        if self._answer.done():
            return
        if self._error is None:
            self._answer.set_result(self._result)
        else:
            self._answer.set_exception(self._error)

    def fail(self) -> None:
        """Give the caller no answer."""
        if not self._answer.done():
            self._answer.set_exception(LinkDownError("no answer"))

    async def wait(self) -> Any:
        """Wait as the caller does."""
        return await self._answer


class Wire(Link):
    """One connection of one process."""

    def __init__(self, loop: ProcessLoop, under_way: list[Call], given_up: Callable[[Call], None]) -> None:
        """Put calls into `under_way`; what a cancelled caller leaves behind is `given_up`."""
        self._loop = loop
        self._under_way = under_way
        self._given_up = given_up
        self._mine: list[Call] = []

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        deadline = None if timeout_s is None else self._loop.time() + timeout_s
        call = Call(self._loop, name_of(effect), effect, deadline)
        self._under_way.append(call)
        self._mine.append(call)
        try:
            answer: T = await call.wait()
        except asyncio.CancelledError:
            if call in self._under_way:
                self._under_way.remove(call)
                self._given_up(call)
            raise
        finally:
            self._mine.remove(call)
        return answer

    def cut(self) -> None:
        for call in self._mine:
            if call in self._under_way:
                self._under_way.remove(call)
            call.fail()


def name_of(effect: Callable[[], object]) -> str:
    """What is called, and by which part of the application: ``commit by Materializer._apply_portion``."""
    while isinstance(effect, partial):
        if effect.func.__name__ == "connect":
            return "connect"
        if effect.func.__name__ == "append":
            return " ".join(map(_said, effect.args[1]))
        effect = effect.args[-1] if effect.func.__name__ == "serve" else effect.func
    method = part = ""
    for module, code in _callers():
        name = code.co_qualname.rpartition(".")[2]
        if module.startswith(PARTS):
            part = f" by {code.co_qualname}"
            break
        if module.startswith(PORTS) and not name.startswith("_"):
            method = name
    return method + part


def _callers() -> Iterator[tuple[str, CodeType]]:
    """The functions that wait for each other, from the innermost to where the event loop called in."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None and frame.f_code.co_filename != asyncio.events.__file__:
        yield frame.f_globals["__name__"], frame.f_code
        frame = frame.f_back


def _said(record: JournalRecord) -> str:
    if isinstance(record, JournalId):
        return "open"
    return f"{'append' if isinstance(record, Put) else 'bury'} {record.value} of POST {post_of(record.put_id)}"
