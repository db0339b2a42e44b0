"""One writer, and the position decides: rule 3."""

from factorsvc.adapters.memory import storage
from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.materializer import Materializer
from factorsvc.domain import applying
from tests.journal.shape import Shape
from tests.journal.switches import CALM, Edit, Switch
from tests.journal.walk import Gait

SWITCHES = (
    Switch(
        rule="rule 3",
        name="the stored position decides where to go on",
        edits=(
            Edit(
                applying.apply_batches,
                "position = snapshot.positions.get(batch.class_id)",
                "position = snapshot.positions.get(batch.class_id);"
                " position = position and position._replace(next_offset=batch.start)",
            ),
        ),
        shape=Shape(holders=1, trouble=frozenset({"lose answer:commit", "save", "reconnect"})),
    ),
    Switch(
        rule="rule 3",
        name="a transaction is refused when something was written since the look (WATCH)",
        edits=(Edit(storage._Watch.require_unchanged, "if database.version != self.view_version:", "if False:"),),
        shape=Shape(
            holders=1,
            posts=((2, None), (4, None), (2, None)),
            trouble=frozenset({"late:commit"}),
            stops=("commit",),
        ),
        gait=Gait(
            opening="start, call, call, post, post, advance, advance, late",
            weights={**CALM, "call": 0, "late": 1},
            grains=((0, 1, 4),),
            length=20,
        ),
    ),
    Switch(
        rule="rule 3",
        name="applying and sweeping take turns",
        # Full, so that the removal is no transaction, and is not refused for what is applied in its midst.
        edits=(
            Edit(
                Materializer._turn,
                "await self._housekeeping.step()",
                "asyncio.get_running_loop().create_task(self._housekeeping.step()); await asyncio.sleep(0)",
            ),
        ),
        shape=Shape(
            holders=1,
            begun=1,
            values=(2,),
            posts=((2, 1), (2, None)),
            trouble=frozenset({"full"}),
            stops=("remove",),
        ),
        gait=Gait(
            opening="post, run, tick, call, call, call, call, full, call, call, full, post",
            weights={**CALM, "full": 1, "tick": 1},
            grains=((4, 4, 1),),
            length=16,
        ),
    ),
    Switch(
        rule="rule 3",
        name="on a new connection a cold load begins again",
        # Redis comes back with the load id and without a chunk that it had acknowledged.
        edits=(Edit(ColdLoader._is_whole, "snapshot.session == session\n        and ", ""),),
        shape=Shape(
            holders=1,
            posts=((2, None), (4, None)),
            trouble=frozenset({"save", "reconnect"}),
            stops=("commit",),
        ),
        gait=Gait(
            opening="start, call, call, post, post, advance, advance, save, tick",
            weights={**CALM, "tick": 2, "save": 2, "reconnect": 2},
            grains=((2, 4, 2),),
            length=20,
        ),
    ),
)
