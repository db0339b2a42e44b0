"""Deciding, for classes in doubt, whether their stored view can go on and from where (design 6, rules 2 and 3).

A class is in doubt when it was placed here, when the database or the journal did not answer while it was written, when
a hole was met, or when a reader found another view than it was told of. The answer is always the same: the position
that the database holds decides, judged by the journal's end and by its age.
"""

from factorsvc.application.workspace import Workspace
from factorsvc.domain.restoration import judge


class ViewOpener:
    """Looks at classes in doubt. A step of the materializer's task."""

    def __init__(self, work: Workspace) -> None:
        """Open the views in the storage of `work`."""
        self._storage = work.storage
        self._journal = work.journal
        self._clock = work.clock
        self._custody = work.custody
        self._facts = work.facts
        self._bury_after_ms = int(work.policy.bury_after_s * 1000)

    async def step(self) -> None:
        """Resume each class in doubt whose stored view is good, and reject the others.

        Raises whatever the storage and the journal raise; what is not settled then stays in doubt.
        """
        doubtful = sorted(self._custody.doubtful)
        if not doubtful:
            return
        now_ms = self._clock.now_ms()
        ends = await self._journal.end_offsets()
        snapshot = await self._storage.look(doubtful)
        ours = snapshot.journal_id == self._facts.journal_id
        for class_id in doubtful:
            if class_id not in self._custody.doubtful:
                continue  # moved away while we looked
            position = snapshot.positions.get(class_id)
            if position is None or not ours or judge(position, ends[class_id], now_ms, self._facts.retention_ms):
                self._custody.reject(class_id)
                self._journal.stop_reading([class_id])
            else:
                self._journal.read_from(class_id, position.next_offset)
                self._custody.resume(class_id, position, ends[class_id])
                self._custody.note_sweep(class_id, now_ms - self._bury_after_ms)  # whoever held it before may have
