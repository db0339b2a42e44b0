"""When a class that moved away is let go: not before its successor serves it and nobody relies on it (P7)."""

import asyncio

from factorsvc.application.handover import Handover
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.domain.class_life import ClassLife
from tests.builders import a_status
from tests.unit.application.building import POLICY, Rig, a_rig, in_virtual_time

SUCCESSOR, OTHER = 7, 8
GRACE_S = POLICY.handover_grace_s


class Retiring:
    """A replica that retires class 0, which was placed elsewhere at instant 0."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.open_answers = OpenAnswers(idle_s=10)
        self._handover = Handover(rig.work, self.open_answers)
        rig.place(1, 2, elsewhere=SUCCESSOR)

    def hear(self, slot: int, *serving: int, at: float = 0) -> None:
        """Have a replica say what it serves."""
        self.rig.work.map.hear(a_status(slot, serving=serving), at)

    def is_kept(self, at: float) -> bool:
        """Let the handover look, and tell whether class 0 is still here."""
        self._handover.step(at)
        assert {1, 2} <= self.rig.custody.living(ClassLife.SERVING)
        return self.rig.custody[0].life is ClassLife.RETIRING


async def retiring() -> Retiring:
    rig = await a_rig()
    await rig.serve()
    return Retiring(rig)


@in_virtual_time
async def test_a_class_is_kept_until_its_successor_has_served_it_for_a_moment() -> None:
    """Design 8: askers may have yesterday's map."""
    handover = await retiring()
    assert handover.is_kept(at=1)

    handover.hear(SUCCESSOR, 0)
    assert handover.is_kept(at=2)
    assert handover.is_kept(at=2 + GRACE_S - 0.01)
    assert not handover.is_kept(at=2 + GRACE_S)
    assert handover.rig.custody.garbage == {0}


@in_virtual_time
async def test_that_another_serves_it_is_not_enough() -> None:
    """Who retires it as well may drop it at any time."""
    handover = await retiring()
    handover.hear(OTHER, 0)

    assert handover.is_kept(at=1)
    assert handover.is_kept(at=10)


@in_virtual_time
async def test_a_successor_that_stops_serving_begins_its_moment_anew() -> None:
    handover = await retiring()
    handover.hear(SUCCESSOR, 0)
    assert handover.is_kept(at=1)
    handover.hear(SUCCESSOR)
    assert handover.is_kept(at=1.9)
    handover.hear(SUCCESSOR, 0)
    assert handover.is_kept(at=1 + GRACE_S)

    assert handover.is_kept(at=1.9 + GRACE_S)
    assert not handover.is_kept(at=2 + 2 * GRACE_S)


@in_virtual_time
async def test_a_class_that_came_back_meanwhile_begins_its_moment_anew() -> None:
    handover = await retiring()
    handover.hear(SUCCESSOR, 0)
    assert handover.is_kept(at=1)
    handover.rig.place(0, 1, 2)
    assert not handover.is_kept(at=2), "it serves"
    handover.rig.place(1, 2, elsewhere=SUCCESSOR)

    assert handover.is_kept(at=3)
    assert not handover.is_kept(at=3 + GRACE_S)


@in_virtual_time
async def test_a_long_answer_keeps_its_class_until_it_is_idle() -> None:
    """P7: whoever pulls it comes back for its next page; who does not come for too long has given up."""
    handover = await retiring()
    handover.hear(SUCCESSOR, 0)
    handover.open_answers.touch(asker=5, class_id=0, prime=2, now=2)
    assert handover.is_kept(at=1)
    assert handover.is_kept(at=11.9)
    assert not handover.is_kept(at=12)


@in_virtual_time
async def test_a_class_is_not_kept_for_ever() -> None:
    """Design 8: the drain deadline, whether or not anybody serves it and whoever still reads."""
    await asyncio.sleep(100)
    handover = await retiring()
    handover.open_answers.touch(asker=5, class_id=0, prime=2, now=124)
    assert handover.is_kept(at=100 + POLICY.drain_deadline_s - 0.1)
    assert not handover.is_kept(at=100 + POLICY.drain_deadline_s)


@in_virtual_time
async def test_a_class_that_is_placed_nowhere_is_kept() -> None:
    """As long as the deadline permits: there is nobody who could serve it."""
    handover = await retiring()
    assert handover.rig.custody.assignment is not None
    handover.rig.custody.assignment = handover.rig.custody.assignment._replace(placement={})
    handover.hear(SUCCESSOR, 0)
    assert handover.is_kept(at=10)

    handover.rig.custody.assignment = None
    assert handover.is_kept(at=20)
