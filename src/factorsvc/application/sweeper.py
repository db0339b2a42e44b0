"""Removing what nobody needs: values long expired, and what is left of classes that are held no more.

Both are steps of the materializer's task, so that nothing else writes between the sweeper's second look and its
removal (design 6, rule 4), and both work when the database is full, because they are what makes room again.
"""

from factorsvc.application.workspace import Workspace
from factorsvc.domain.applying import verified
from factorsvc.domain.ports.storage import Snapshot
from factorsvc.domain.record import Present
from factorsvc.domain.value import class_of


class Sweeper:
    """Buries expired puts and then removes their values; clears garbage."""

    def __init__(self, work: Workspace) -> None:
        """Sweep the storage of `work`."""
        self._storage = work.storage
        self._journal = work.journal
        self._clock = work.clock
        self._custody = work.custody
        self._policy = work.policy

    async def sweep(self) -> bool:
        """Bury and remove some values that expired a while ago, if there are any; True when there may be more.

        The bad interleaving that the second look prevents: the value is looked at and its put p1 has expired; p1 is
        buried; meanwhile p2, a new POST of the value, was applied; removing the value now would lose p2 from the view.
        """
        before_ms = self._clock.now_ms() - int(self._policy.bury_after_s * 1000)
        limit = self._policy.transaction_values
        values = (await self._storage.expired(sorted(self._custody.answering), before_ms, limit))[:limit]
        if not values:
            return False
        classes = sorted({class_of(value, self._policy.classes) for value in values})
        snapshot = await self._storage.look(classes, values)
        dead = [present for present in snapshot.presents.values() if present.has_expired(before_ms)]
        await self._journal.bury([present.key for present in dead])
        second = await self._storage.look(classes, values)
        for present in dead:
            self._note_removal(present, second, before_ms)
        await self._storage.remove(
            second, [present.key for present in dead if second.presents.get(present.value) == present]
        )
        return len(dead) == limit

    def _note_removal(self, present: Present, snapshot: Snapshot, before_ms: int) -> None:
        """Remember a removal that a long answer must not miss, one that judges expiry as of a time before it.

        If the view has applied all that was in the journal when the put expired, the value was gone from then on. If
        it has not, as when the database is full, the next put may be in the journal since before: the value was never
        gone, and a reader of that time would miss it.
        """
        class_id = class_of(present.value, self._policy.classes)
        position = snapshot.positions.get(class_id)
        if position is None:
            return
        known = verified(position, self._custody.verifications.get(class_id))
        if not present.has_expired(known.verified_at_ms):
            self._custody.note_sweep(class_id, before_ms)

    async def clear_garbage(self) -> bool:
        """Clear a bounded piece of the classes that are held no more; True when there is more.

        Their positions go first: from then on what is left of them is garbage to everybody, also to a next start.
        """
        garbage = sorted(self._custody.garbage)
        if not garbage:
            return False
        self._journal.stop_reading(garbage)
        await self._storage.forget(garbage)
        if await self._storage.clear(garbage[0], self._policy.transaction_values):
            self._custody.garbage.discard(garbage[0])
        return bool(self._custody.garbage)
