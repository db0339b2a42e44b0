"""A replica that asks, and the peers that it asks, who are played by the test."""

import asyncio
from collections.abc import Iterable

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.policy import Policy
from factorsvc.application.round import Found
from factorsvc.application.rounds import Rounds
from factorsvc.domain.question import Cursor, Frame, Page, Part, Question, ReadIndex
from factorsvc.domain.value import join_members
from tests.builders import a_member_text, a_page, a_status, an_answer
from tests.unit.application.building import CLASSES, POLICY, Rig, a_rig, now_s, running, settled

ALL = range(CLASSES)
PATIENCE_S = 5.0
"""How long a GET of a test waits."""


class Asking:
    """The rounds of one replica, running."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.rounds = Rounds(rig.work, AnswerQuestions(rig.work, OpenAnswers(idle_s=10)))
        self.life = running(self.rounds.run())

    def ask(self, prime: int = 2, patience_s: float = PATIENCE_S) -> "asyncio.Task[tuple[ReadIndex, list[Found]]]":
        """A GET."""
        return running(self.rounds.ask(prime, now_s() + patience_s))

    def hear(self, slot: int, serving: Iterable[int]) -> None:
        """Have a peer say what it serves."""
        self.rig.work.map.hear(a_status(slot, serving=serving), now_s())
        self.rounds.reconsider()

    async def question(self) -> tuple[int, Question]:
        """The next question that is asked, and of which slot."""
        return await self.rig.mailbox.question()

    def reply(self, slot: int, question: Question, *parts: Part) -> None:
        """Have a peer answer; without `parts` it has no value in any class that it was asked for."""
        whole = [an_answer(class_id, *[a_page() for _ in question.primes]) for class_id in question.read_index.offsets]
        self.rounds.take(Frame(question.question_id, slot, parts or whole))

    async def begun(self, slot: int = 7) -> tuple[ReadIndex, Found]:
        """When a GET was asked of which `slot` has begun a long answer for class 0, and this beginning."""
        self.hear(slot, range(self.rig.servers.policy.classes))
        asking = self.ask()
        _, question = await self.question()
        rest = [an_answer(class_id) for class_id in range(1, self.rig.servers.policy.classes)]
        self.reply(slot, question, an_answer(0, a_long_page(6)), *rest)
        as_of, found = await asking
        return as_of, found[0]

    async def end(self) -> None:
        """Have the claim be over."""
        self.life.cancel()
        await settled()


def a_long_page(*values: int, position: bytes = b"next") -> Page:
    """A page with these values, and more to come."""
    return Page(join_members(map(a_member_text, values)), Cursor(b"load", position))


async def asking_replica(policy: Policy = POLICY) -> Asking:
    """A replica that serves nothing and knows nobody, asking."""
    asking = Asking(await a_rig(policy))
    await settled()
    return asking
