"""A link that delays, loses and postpones calls, by chance and on command; all chance comes from one seeded source.

It needs nothing but the running loop's timers, so under a loop with virtual time a lost hour costs nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, TypeVar

from factorsvc.adapters.memory.link import Link, LinkDownError

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Weather:
    """What happens to calls from now on. Mutable: a test changes it under way, for all links that share it.

    A pair is a least and a most, in seconds. The chances are drawn in the order given, and the first that strikes does.
    """

    request_s: tuple[float, float] = (0.0, 0.0)
    """From a call to its effect."""
    answer_s: tuple[float, float] = (0.0, 0.0)
    """From the effect to the answer."""
    request_lost: float = 0.0
    """Chance that the effect never happens, and no answer comes."""
    late: float = 0.0
    """Chance that the effect happens only after `late_s`, whatever was called or cut meanwhile, and no answer comes."""
    answer_lost: float = 0.0
    """Chance that the effect happens in its turn, and no answer comes."""
    late_s: tuple[float, float] = (3.0, 30.0)
    down: bool = False
    """Nothing gets through in either direction: silence, as of a cable that is out, not refusal."""


@dataclass(slots=True, eq=False)
class _Call:
    """A call under way: what the server is to do for it, and who waits for the answer."""

    effect: Callable[[], object]
    answer: asyncio.Future[Any]
    answer_lost: bool = False

    def succeed(self, answer: object) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # counts as seen: whoever called may be dead by now, and will not look


class FaultyLink(Link):
    """Carries calls as the weather lets it. Its timers, and so all effects, run in `context`, which is the server's.

    So a caller that was paused or killed holds up neither its own effects nor those of others.
    """

    def __init__(self, weather: Weather, random: Random, context: Context, give_up_s: float = 2.0) -> None:
        """Make a link that waits `give_up_s` for an answer where a call sets no time of its own."""
        self._weather = weather
        self._random = random
        self._context = context
        self._give_up_s = give_up_s
        self._coming: deque[_Call] = deque()
        """Calls whose effects are to come, in their order; neither the lost nor the late ones are among them."""
        self._waiting: dict[_Call, None] = {}

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        call = _Call(effect, answer)
        patience_s = self._give_up_s if timeout_s is None else timeout_s
        timer = self._after(patience_s, call.fail, LinkDownError(f"no answer within {patience_s:g} s"))
        self._waiting[call] = None
        self._send(call)
        try:
            return await answer
        finally:
            self._waiting.pop(call, None)
            timer.cancel()

    def cut(self) -> None:
        """Fail every call under way. What has not taken effect never will, but for what chance has made late.

        Calls made afterwards go through, as over a new connection.
        """
        self._coming.clear()
        for call in list(self._waiting):
            call.fail(LinkDownError("the connection was cut"))

    def _send(self, call: _Call) -> None:
        weather, chance = self._weather, self._random.random
        if weather.down or chance() < weather.request_lost:
            return
        if chance() < weather.late:
            call.answer_lost = True
            self._after(self._random.uniform(*weather.late_s), self._serve, call)
            return
        call.answer_lost = chance() < weather.answer_lost
        self._coming.append(call)
        self._after(self._random.uniform(*weather.request_s), self._arrive, call)

    def _arrive(self, last: _Call) -> None:
        """Serve what there is up to `last`: whatever was sent before it on one link has arrived with it."""
        while last in self._coming:
            call = self._coming.popleft()
            if not self._weather.down:
                self._serve(call)

    def _serve(self, call: _Call) -> None:
        try:
            answer = call.effect()
        except Exception as error:  # noqa: BLE001 - whatever the server raises is the caller's to see
            outcome = partial(call.fail, error)
        else:
            outcome = partial(call.succeed, answer)
        if not call.answer_lost:
            self._after(self._random.uniform(*self._weather.answer_s), self._answer, outcome)

    def _answer(self, outcome: Callable[[], None]) -> None:
        if not self._weather.down:
            outcome()

    def _after(self, delay_s: float, callback: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_s, callback, *args, context=self._context)
