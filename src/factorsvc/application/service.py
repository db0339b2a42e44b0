"""A replica at work: the parts that serve requests and keep the view, wired up and run together for one claim."""

import asyncio

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.find_values import FindValues
from factorsvc.application.handover import Handover
from factorsvc.application.housekeeping import Housekeeping
from factorsvc.application.mail_room import MailRoom
from factorsvc.application.materializer import Materializer
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.rounds import Rounds
from factorsvc.application.status_exchange import StatusExchange
from factorsvc.application.store_values import StoreValues
from factorsvc.application.sweeper import Sweeper
from factorsvc.application.workspace import Workspace
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.placement import Assignment


class Service:
    """What one replica does under one claim. Used until `run` returns or raises."""

    def __init__(self, work: Workspace) -> None:
        """Wire up the parts; nothing runs yet."""
        self.work = work
        open_answers = OpenAnswers(work.policy.long_answer_idle_s)
        answers = AnswerQuestions(work, open_answers)
        sweeper = Sweeper(work)
        housekeeping = Housekeeping(work, sweeper, Handover(work, open_answers))
        self._rounds = Rounds(work, answers)
        self._mail_room = MailRoom(work, answers, self._rounds)
        self._materializer = Materializer(work, sweeper, housekeeping)
        self.exchange = StatusExchange(work, self._rounds)
        self.find = FindValues(work, self._rounds)
        self.store = StoreValues(work)

    async def run(self) -> None:
        """Work until cancelled; what one part raises ends all of them, in an ExceptionGroup."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rounds.run(), name="rounds")
            group.create_task(self._mail_room.run(), name="mail-room")
            group.create_task(self.exchange.listen(), name="status-listener")
            group.create_task(self.exchange.speak(), name="status-speaker")
            group.create_task(self._materializer.run(), name="materializer")
            group.create_task(self._follow_placement(), name="placement")

    async def leave(self) -> None:
        """Say that this replica is leaving, and have its classes placed elsewhere; it goes on answering for them."""
        self.exchange.leave()
        await self.work.around.bus.placement.leave()

    @property
    def is_alone(self) -> bool:
        """Tell whether no other replica is there; not known as long as this one does not even hear itself."""
        return [status.slot for status in self.work.map.statuses] == [self.work.slot]

    @property
    def is_succeeded(self) -> bool:
        """Tell whether others serve all that this replica does, or nobody stays who could.

        As long as this replica does not hear itself, it is not known who else there is.
        """
        work = self.work
        if not work.map.knows(work.slot):
            return False
        if not work.map.staying(but=work.slot):
            return True
        return not work.custody.answering & work.map.uncovered(but=[work.slot])

    def reason_not_ready(self) -> str:
        """Say why no requests should be sent here, but for a drain; empty if they should.

        Later gaps in what the cluster covers do not make a replica unready: they fail the GETs concerned, while a load
        balancer that saw all replicas unready would fail everything.
        """
        if self.work.broker_clock.at_ms(0.0) is None:
            return "the broker's time is not known yet"
        return "" if self.work.map.was_covered else "some classes are not served yet"

    def _member(self) -> Member | None:
        """What the placement is told; None while nobody should count on this replica."""
        work = self.work
        sure = work.claim.lease.is_sure(asyncio.get_running_loop().time())
        return work.custody.member(work.claim.epoch) if sure and not self.exchange.leaving else None

    async def _follow_placement(self) -> None:
        placement, loop = self.work.around.bus.placement, asyncio.get_running_loop()
        joined = False
        while not joined:
            try:
                await placement.join(self._member)
                joined = True
            except JournalUnavailableError:
                await asyncio.sleep(self.work.policy.retry_s)
        assignment: Assignment | None = None
        while True:
            assignment = await placement.changed(assignment)
            self.work.custody.follow(assignment, loop.time())
