"""A replica whose view is kept up with the journal while the test does things to it."""

import asyncio
from collections.abc import Callable

from factorsvc.application.handover import Handover
from factorsvc.application.housekeeping import Housekeeping
from factorsvc.application.materializer import Materializer
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.policy import Policy
from factorsvc.application.sweeper import Sweeper
from tests.builders import a_put
from tests.unit.application.building import (
    CLASSES,
    POLICY,
    Rig,
    a_rig,
    now_s,
    running,
)


class Materializing:
    """A replica whose view is kept up with the journal."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        sweeper = Sweeper(rig.work)
        housekeeping = Housekeeping(rig.work, sweeper, Handover(rig.work, OpenAnswers(idle_s=10)))
        self.life = running(Materializer(rig.work, sweeper, housekeeping).run())

    async def until(self, condition: Callable[[], bool], within_s: float = 10) -> None:
        """Wait until `condition` holds."""
        end = now_s() + within_s
        while not condition():
            assert now_s() < end, "it never does"
            await asyncio.sleep(0.001)

    def is_current(self) -> bool:
        """Tell whether all classes are answered for and have all that is in the journal."""
        custody, servers = self.rig.custody, self.rig.servers
        return not custody.doubtful and all(
            class_id in custody.answering
            and self.rig.database.positions[class_id].next_offset == servers.end(class_id)
            and custody[class_id].position == self.rig.database.positions[class_id]
            for class_id in range(CLASSES)
        )


async def materializing(*values: int, policy: Policy = POLICY) -> Materializing:
    """A replica that serves all classes, and a journal that has these values."""
    rig = await a_rig(policy)
    await rig.append(*map(a_put, values))
    rig.place(0, 1, 2)
    it = Materializing(rig)
    await it.until(it.is_current)
    return it
