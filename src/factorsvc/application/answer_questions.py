"""The other side of a GET: answering, for classes that this replica serves, from its own view (design 9).

Every class of a question gets a part: an answer once the view has reached the read index, or a refusal that says why.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.workspace import Workspace
from factorsvc.domain.errors import StorageUnavailableError
from factorsvc.domain.ports.storage import Want
from factorsvc.domain.question import Answered, Page, Part, Question, RefusalReason, Refused
from factorsvc.domain.trust import Trust, trust

Reply = Callable[[Sequence[Part]], Awaitable[None]]
"""Takes parts to the asker; called once or several times for a question."""


class AnswerQuestions:
    """Answers from one view, as long as the lease on it is sure."""

    def __init__(self, work: Workspace, open_answers: OpenAnswers) -> None:
        """Answer from the storage of `work`, for the classes in its custody."""
        self._storage = work.storage
        self._clock = work.clock
        self._custody = work.custody
        self._lease = work.claim.lease
        self._open_answers = open_answers

    async def answer(self, question: Question, reply: Reply) -> None:
        """Give `reply` a part for each class of `question`, as they become ready, by its deadline.

        Raises:
            SlotLostError: the claim is over.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (question.deadline_ms - self._clock.now_ms()) / 1000
        owed = set(question.read_index.offsets)
        while owed:
            parts: list[Part] = self._refusals(question, owed)
            ready = self._ready(question, owed)
            if ready:
                parts += await self._read(question, ready)
            elif not parts:
                if loop.time() >= deadline:
                    parts = [Refused(class_id, RefusalReason.TOO_LATE) for class_id in sorted(owed)]
                else:
                    await self._custody.advanced.wait_until(deadline)
            owed -= {part.class_id for part in parts}
            if parts:
                await reply(parts)

    def _refusals(self, question: Question, owed: Iterable[int]) -> list[Part]:
        """Refuse the classes that are not answered for here."""
        reason = RefusalReason.NOT_SERVING if question.cursor is None else RefusalReason.GONE
        answering = self._custody.answering
        return [Refused(class_id, reason) for class_id in sorted(owed) if class_id not in answering]

    def _ready(self, question: Question, owed: set[int]) -> list[int]:
        """The classes whose view, as far as is known, has reached the read index."""
        custody = self._custody
        return [
            class_id
            for class_id in sorted(owed & custody.answering - custody.doubtful)
            if (position := custody[class_id].position) is not None
            and position.next_offset >= question.read_index.offsets[class_id]
        ]

    async def _read(self, question: Question, classes: Sequence[int]) -> list[Part]:
        """Read `classes` and return the parts of those that can be answered or must be refused; the rest must wait."""
        load_ids = self._custody.load_ids
        wants = [Want(prime, class_id, question.cursor) for class_id in classes for prime in question.primes]
        gone = RefusalReason.NOT_SERVING if question.cursor is None else RefusalReason.GONE
        try:
            reading = await self._storage.read(wants, question.read_index.as_of_ms)
        except StorageUnavailableError:
            return [Refused(class_id, gone) for class_id in classes]
        if not self._lease.is_sure(asyncio.get_running_loop().time()):
            return [Refused(class_id, gone) for class_id in classes]
        parts: list[Part] = []
        primes = len(question.primes)
        for place, class_id in enumerate(classes):
            load_id = load_ids[class_id] if question.cursor is None else question.cursor.load_id
            index = question.read_index.offsets[class_id]
            verdict = trust(reading.before.get(class_id), reading.after.get(class_id), load_id, index)
            if question.read_index.as_of_ms < self._custody[class_id].swept_ms:
                parts.append(Refused(class_id, gone))
            elif verdict is Trust.GOOD:
                pages = reading.pages[place * primes : (place + 1) * primes]
                parts.append(Answered(class_id, pages))
                self._note(question, class_id, pages)
            else:
                self._custody.doubt([class_id])
                if verdict is Trust.GONE:
                    parts.append(Refused(class_id, gone))
        return parts

    def _note(self, question: Question, class_id: int, pages: Sequence[Page]) -> None:
        """Remember the long answers that are open, so that the class is not dropped under them."""
        now = asyncio.get_running_loop().time()
        for prime, page in zip(question.primes, pages, strict=True):
            if page.cursor is not None:
                self._open_answers.touch(question.reply_to, class_id, prime, now)
            elif question.cursor is not None:
                self._open_answers.end(question.reply_to, class_id, prime)
