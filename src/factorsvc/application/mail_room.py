"""Reading this replica's mailbox: questions are answered beside each other, answers go to the rounds (design 9)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.rounds import Rounds
from factorsvc.application.workspace import Workspace
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.question import Frame, Part, Question, RefusalReason, Refused, pack


class MailRoom:
    """The mailbox of one slot during one claim."""

    def __init__(self, work: Workspace, answers: AnswerQuestions, rounds: Rounds) -> None:
        """Read the mailbox of the slot of `work`, which is open already."""
        self._slot = work.slot
        self._mailbox = work.around.bus.mailbox
        self._policy = work.policy
        self._answers = answers
        self._rounds = rounds
        self._open = 0
        """Questions that were read and are neither answered nor refused yet."""

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            SlotLostError: the claim is over.
        """
        async with asyncio.TaskGroup() as group:
            while True:
                mail = await self._mailbox.take(self._policy.take_timeout_s)
                if mail.gap:
                    self._rounds.ask_anew()
                for message in mail.messages:
                    if isinstance(message, Frame):
                        self._rounds.take(message)
                    elif self._open < self._policy.questions:
                        self._open += 1
                        group.create_task(self._see_to(message, self._answer), name="answer")
                    elif self._open < 2 * self._policy.questions:
                        self._open += 1
                        group.create_task(self._see_to(message, self._refuse), name="refusal")

    async def _see_to(self, question: Question, reply: Callable[[Question], Awaitable[None]]) -> None:
        try:
            await reply(question)
        except JournalUnavailableError:
            return  # the asker takes silence for a refusal
        finally:
            self._open -= 1

    async def _answer(self, question: Question) -> None:
        await self._answers.answer(question, partial(self._reply, question))

    async def _refuse(self, question: Question) -> None:
        """Refuse `question` at once, because so many are being answered that a queue would make all late."""
        parts = [Refused(class_id, RefusalReason.OVERLOADED) for class_id in question.read_index.offsets]
        await self._reply(question, parts)

    async def _reply(self, question: Question, parts: Sequence[Part]) -> None:
        for frame in pack(question.question_id, self._slot, parts, self._policy.frame_bytes):
            await self._mailbox.send(question.reply_to, [frame])
