"""What must hold after each step, whatever happens: the promises of design 6, on the project's own parts."""

from collections.abc import Collection, Mapping

from factorsvc.application.service import Service
from factorsvc.domain.question import Question, ReadIndex
from factorsvc.domain.trust import Trust, trust
from factorsvc.domain.value import class_of
from tests.journal.process import Process
from tests.journal.servers import Servers
from tests.journal.shape import Shape
from tests.journal.truth import Truth, ViolationError

PRIME = 2
"""A prime that every value has."""


class Invariants:
    """Compares what the journal and the views say with the truth."""

    def __init__(self, shape: Shape, servers: Servers, truth: Truth) -> None:
        """Watch the views in `servers`, and what is told to `truth`."""
        self._shape = shape
        self._servers = servers
        self._truth = truth

    def check(self, answering: Collection[Process], working: Collection[Process]) -> None:
        """Complain of whatever does not hold: in the journal, and of what those who are `answering` would answer.

        Raises:
            ViolationError: a promise is broken.
            Exception: whatever one of those `working` failed of, if nobody expected that.
        """
        for process in working:
            for error in process.failures():
                raise error
        self._truth.check()
        if self._servers.journal.settings is None:
            return
        now_ms = self._servers.now_ms()
        states = self._truth.states(now_ms)
        self._check_journal(states, now_ms)
        for process in answering:
            for class_id in self._servers.classes:
                self._check_view(process, class_id, states, now_ms)

    def _check_journal(self, states: Mapping[int, bytes], now_ms: int) -> None:
        """Complain if a view that is rebuilt from what is left of the journal is not the truth."""
        rebuilt = {
            present.value: present.put_id
            for class_id in self._servers.classes
            for present in self._servers.rebuilt(class_id)
            if not present.has_expired(now_ms)
        }
        if rebuilt != states:
            raise ViolationError(f"rebuild: the journal gives {rebuilt}, and the truth is {states}")

    def _check_view(self, process: Process, class_id: int, states: Mapping[int, bytes], now_ms: int) -> None:
        """Complain if what a process would answer now for a class is not the truth."""
        service = process.service
        if service is None or not process.is_answering or not self._would_answer(process, service, class_id):
            return
        values = [value for value in self._shape.values if class_of(value, self._shape.classes) == class_id]
        presents = self._servers.redis.databases[process.slot].presents_of(values, self._shape.classes)
        held = {value: present.put_id for value, present in presents.items() if not present.has_expired(now_ms)}
        wanted = {value: states[value] for value in values if value in states}
        if held != wanted:
            raise ViolationError(f"serve: {process} holds {held}, and the truth is {wanted}")

    def _would_answer(self, process: Process, service: Service, class_id: int) -> bool:
        """Tell whether a question that comes now, with the journal's end as its read index, would be answered."""
        custody, answers = service.work.custody, service._rounds._answers
        end = self._servers.ends()[class_id]
        position = custody[class_id].position
        if position is None or position.next_offset < end:
            return False
        question = Question(b"", 0, (PRIME,), ReadIndex(0, {class_id: end}), 0)
        if class_id not in answers._ready(question, {class_id}) or process.is_fenced:
            return False
        stored = self._servers.redis.databases[process.slot].positions.get(class_id)
        return trust(stored, stored, custody.load_ids[class_id], end) is Trust.GOOD
