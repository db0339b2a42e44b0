"""A replica that is asked one question."""

from collections.abc import Sequence

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.domain.question import Answered, Part, Question, RefusalReason
from factorsvc.domain.value import value_of
from tests.builders import a_question
from tests.unit.application.building import Rig, now_s, running

NOT_SERVING, GONE, TOO_LATE = RefusalReason.NOT_SERVING, RefusalReason.GONE, RefusalReason.TOO_LATE
MULTIPLES_OF_6 = range(6, 78, 6)
"""Twelve values of class 0, too many for one page."""


class Answering:
    """What a replica answers to one question, reply by reply."""

    def __init__(self, rig: Rig, question: Question, open_answers: OpenAnswers | None = None) -> None:
        self.replies: list[list[Part]] = []
        answers = AnswerQuestions(rig.work, open_answers or OpenAnswers(idle_s=10))
        self.end = running(answers.answer(question, self._take))

    async def _take(self, parts: Sequence[Part]) -> None:
        self.replies.append(
            [part._replace(pages=tuple(part.pages)) if isinstance(part, Answered) else part for part in parts]
        )

    async def parts(self) -> list[Part]:
        """All parts, once the last one is there."""
        await self.end
        return [part for reply in self.replies for part in reply]


async def parts(rig: Rig, question: Question) -> list[Part]:
    """All that is answered to `question`."""
    return await Answering(rig, question).parts()


async def read_through(rig: Rig, answers: OpenAnswers, asker: int) -> list[int]:
    """The values with prime 2 in class 0, page by page; between the pages the answer is open."""
    values: list[int] = []
    question = a_question(reply_to=asker)
    while True:
        (part,) = await Answering(rig, question, answers).parts()
        assert isinstance(part, Answered)
        (page,) = part.pages
        values += [value_of(member) for member in page.members.split(b"\n") if member]
        assert answers.any_of(0, now_s()) is (page.cursor is not None)
        if page.cursor is None:
            return values
        question = question._replace(cursor=page.cursor)
