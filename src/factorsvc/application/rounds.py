"""Asking all replicas, in rounds: group commit of concurrent GETs (design 9).

What collects while a round is being opened goes into the next one. A round is opened by asking for the read index,
which must happen after the last of its GETs arrived (P5), and by appending its first questions; from then on it is seen
through beside the rounds that follow. So a slow replica slows the GETs that wait for it and no others.

Expiry is judged as of the round's closing, before the read index is asked for, however much later a view is read. The
bad interleaving otherwise: a value expires at 10; a GET is sent and has its read index at 9; the value is posted again
at 9.5, without a ttl; a holder that has not applied that yet, and need not for this read index, reads its view at 11
and finds the value expired. It would be missing, although it was there all the time (ADR 1).
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.round import Found, Round
from factorsvc.application.signal import Signal
from factorsvc.application.workspace import Workspace
from factorsvc.domain.errors import JournalUnavailableError, NotCoveredError, NotReadyError
from factorsvc.domain.question import Frame, Part, Question, ReadIndex
from factorsvc.domain.slot import SLOTS

_QUESTION_ID_BYTES = 12
_LOST = "the slot was lost"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A GET that waits for its round to be opened."""

    prime: int
    deadline: float
    round: asyncio.Future[Round]


class Rounds:
    """Finds the values of primes in all classes, for one replica during one claim."""

    def __init__(self, work: Workspace, answers: AnswerQuestions) -> None:
        """Ask as the replica of `work`; `answers` answers for the classes that it serves itself."""
        self._slot = work.slot
        self._journal = work.journal
        self._mailbox = work.around.bus.mailbox
        self._clock = work.clock
        self._custody = work.custody
        self._map = work.map
        self._policy = work.policy
        self._new_id = work.around.new_id
        self._answers = answers
        self._waiting: list[_Waiting] = []
        self._arrival = Signal()
        self._open: dict[Round, None] = {}
        self._by_question: dict[bytes, Round] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Open rounds and see them through, until cancelled; who waits then is told that the replica is not ready.

        Raises:
            SlotLostError: the claim is over.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    while not self._waiting:
                        await self._arrival.wait()
                    await self._open_round()
        finally:
            self._group = None
            for waiting in self._waiting:
                if not waiting.round.done():
                    waiting.round.set_exception(NotReadyError(_LOST))
            for asked in self._open:
                asked.abandon()

    async def ask(self, prime: int, deadline: float) -> tuple[ReadIndex, list[Found]]:
        """Return the moment as of which `prime` was asked for, and what was found, one entry a class.

        The round itself, with all that it found of other primes, is not for who goes on to pull: that takes minutes.

        Raises:
            NotCoveredError: some class could not be answered by `deadline`, an instant of the loop's monotonic clock.
            NotReadyError: the replica lost its slot.
        """
        self._running()
        waiting = _Waiting(prime, deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._arrival.fire()
        try:
            async with asyncio.timeout_at(deadline):
                asked = await waiting.round
        except TimeoutError:
            raise NotCoveredError(range(self._policy.classes)) from None
        found = await asked.found(prime, deadline)
        return asked.index_of(range(self._policy.classes)), found

    async def ask_class(self, prime: int, class_id: int, as_of: ReadIndex, deadline: float) -> Found:
        """Return what one class holds of `prime`, from whoever serves it, as of a moment that was asked for before.

        Raises as `ask` does.
        """
        asked = Round([prime], [class_id], deadline, as_of)
        self._open[asked] = None
        self._spawn(asked, self._see_through(asked), "round")
        return (await asked.found(prime, deadline))[0]

    async def ask_on(self, prime: int, last: Found, as_of: ReadIndex, deadline: float) -> Found | None:
        """Return the page that comes after `last`, from the slot that gave that; None if that slot does not.

        A slot that is known not to serve the class any more, while others do, is not asked: it may be dead.

        Raises:
            NotReadyError: the replica lost its slot.
        """
        self._running()
        servers = self._map.servers_of(last.class_id)
        if servers and last.slot not in (self._slot, *servers):
            return None
        asked = Round([prime], [last.class_id], deadline, as_of, last.page.cursor)
        self._open[asked] = None
        loop = asyncio.get_running_loop()
        try:
            await self._ask(asked, {last.slot: [last.class_id]})
            while asked.coverage.is_asked(last.class_id) and not asked.abandoned:
                await asked.progress.wait_until(loop.time() + self._policy.retry_s)
                asked.coverage.silent(loop.time())
            if asked.coverage.missing and not asked.abandoned:
                return None
            return (await asked.found(prime, deadline))[0]
        finally:
            self._close(asked)

    def take(self, frame: Frame) -> None:
        """Take in a frame; one of a round that is over is dropped."""
        asked = self._by_question.get(frame.question_id)
        if asked is not None:
            asked.take(frame.slot, frame.parts, asyncio.get_running_loop().time())

    def reconsider(self, lost: Iterable[int] = ()) -> None:
        """Look again at whom to ask: the map has changed, and nobody is to wait for the slots in `lost` any more."""
        now = asyncio.get_running_loop().time()
        for asked in self._open:
            asked.lost(frozenset(lost), now)

    def ask_anew(self) -> None:
        """Count every open question as refused: answers may have been missed."""
        self.reconsider(range(SLOTS))

    def _spawn(self, asked: Round, work: Coroutine[None, None, None], name: str) -> None:
        """Do `work` for a round beside all others; when the rounds are ending, the round is abandoned instead."""
        try:
            self._running().create_task(work, name=name)
        except (NotReadyError, RuntimeError):  # the latter comes from a group that is shutting down
            work.close()
            asked.abandon()

    def _running(self) -> asyncio.TaskGroup:
        if self._group is None:
            raise NotReadyError(_LOST)
        return self._group

    async def _open_round(self) -> None:
        """Close the list of those who wait, learn the read index for them, and ask the first questions."""
        primes = list(dict.fromkeys(waiting.prime for waiting in self._waiting))[: self._policy.primes_per_question]
        taken = [waiting for waiting in self._waiting if waiting.prime in primes]
        self._waiting = [waiting for waiting in self._waiting if waiting.prime not in primes]
        asked = Round(primes, range(self._policy.classes), max(waiting.deadline for waiting in taken))
        self._open[asked] = None
        for waiting in taken:
            if not waiting.round.done():
                waiting.round.set_result(asked)
        asked.read_index = await self._learn_read_index(asked.deadline)
        if asked.read_index is None:
            self._close(asked)
            return
        await self._ask_owed(asked)
        self._spawn(asked, self._see_through(asked), "round")

    async def _learn_read_index(self, deadline: float) -> ReadIndex | None:
        """Ask for the journal's ends until there is an answer; None if none came while somebody waited."""
        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            as_of_ms = self._clock.now_ms()
            try:
                async with asyncio.timeout_at(deadline):
                    return ReadIndex(as_of_ms, await self._journal.end_offsets())
            except (JournalUnavailableError, TimeoutError):
                await asyncio.sleep(self._policy.retry_s)
        return None

    async def _see_through(self, asked: Round) -> None:
        loop = asyncio.get_running_loop()
        while asked.coverage.missing and not asked.abandoned and loop.time() < asked.deadline:
            if not await self._ask_owed(asked):  # else it may have changed meanwhile whom to ask
                await asked.progress.wait_until(min(asked.deadline, loop.time() + self._policy.retry_s))
        self._close(asked)

    async def _ask_owed(self, asked: Round) -> bool:
        """Ask for each class that is owed whoever serves it, this replica itself first; False: nobody is asked."""
        now = asyncio.get_running_loop().time()
        asked.coverage.silent(now)
        mine = self._custody.answering
        servers = {}
        for class_id in asked.coverage.missing:
            others = [slot for slot in self._map.servers_of(class_id) if slot != self._slot]
            servers[class_id] = [self._slot, *others] if class_id in mine else others
        plan = asked.coverage.plan(servers, now)
        await self._ask(asked, plan)
        return bool(plan)

    async def _ask(self, asked: Round, plan: Mapping[int, Sequence[int]]) -> None:
        """Send one question to each slot of `plan`; the part that goes to this replica is answered beside."""
        async with asyncio.TaskGroup() as sending:
            for slot, classes in plan.items():
                question = self._question(asked, classes)
                asked.coverage.asked(slot, classes, asyncio.get_running_loop().time())
                if slot == self._slot:
                    self._spawn(asked, self._answer(asked, question), "own-answer")
                else:
                    sending.create_task(self._send(asked, slot, question), name="question")

    def _question(self, asked: Round, classes: Sequence[int]) -> Question:
        question_id = self._new_id(_QUESTION_ID_BYTES)
        asked.question_ids.append(question_id)
        self._by_question[question_id] = asked
        remaining_s = asked.deadline - asyncio.get_running_loop().time()
        deadline_ms = self._clock.now_ms() + int(remaining_s * 1000)
        index = asked.index_of(classes)
        return Question(question_id, self._slot, asked.primes, index, deadline_ms, asked.cursor)

    async def _send(self, asked: Round, slot: int, question: Question) -> None:
        try:
            await self._mailbox.send(slot, [question])
        except JournalUnavailableError:
            asked.lost(frozenset([slot]), asyncio.get_running_loop().time())

    async def _answer(self, asked: Round, question: Question) -> None:
        async def reply(parts: Sequence[Part]) -> None:
            asked.take(self._slot, parts, asyncio.get_running_loop().time())

        await self._answers.answer(question, reply)

    def _close(self, asked: Round) -> None:
        self._open.pop(asked, None)
        for question_id in asked.question_ids:
            self._by_question.pop(question_id, None)
