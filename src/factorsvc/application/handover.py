"""When a class that moved away may be let go (design 8).

Its successor must serve it, and nobody may rely on this replica's view of it any more. That is how the number of
replicas changes without a failed GET (P7).
"""

from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.workspace import Workspace
from factorsvc.domain.class_life import ClassLife


class Handover:
    """Watches the classes that this replica retires."""

    def __init__(self, work: Workspace, open_answers: OpenAnswers) -> None:
        """Watch by what the map of `work` says of the successors."""
        self._custody = work.custody
        self._map = work.map
        self._policy = work.policy
        self._open_answers = open_answers
        self._served_since: dict[int, float] = {}

    def step(self, now: float) -> None:
        """Let go of each retiring class that its present assignee has served for a moment, or that waits too long."""
        retiring = self._custody.living(ClassLife.RETIRING)
        self._served_since = {c: since for c, since in self._served_since.items() if c in retiring}
        for class_id in sorted(retiring):
            if self._may_go(class_id, now):
                self._custody.succeed(class_id)

    def _may_go(self, class_id: int, now: float) -> bool:
        if now - self._custody[class_id].retiring_since >= self._policy.drain_deadline_s:
            return True
        assignment = self._custody.assignment
        successor = None if assignment is None else assignment.placement.get(class_id)
        if successor is None or not self._map.serves(successor, class_id):
            self._served_since.pop(class_id, None)
            return False
        since = self._served_since.setdefault(class_id, now)
        return now - since >= self._policy.handover_grace_s and not self._open_answers.any_of(class_id, now)
