"""Rounds that end with the claim: nobody is left waiting (P2)."""

import pytest

from factorsvc.domain.errors import NotReadyError, SlotLostError
from tests.unit.application.asking import ALL, Asking, asking_replica
from tests.unit.application.building import a_rig, in_virtual_time, now_s, running, settled


@in_virtual_time
async def test_who_waits_when_the_slot_is_lost_is_told_at_once() -> None:
    """P2: in whatever state the round is. The client may try another replica."""
    asking = await asking_replica()
    asking.hear(7, ALL)
    asked = asking.ask(2)
    await asking.question()
    asking.rig.journal.faults.hold("end_offsets")
    opening = asking.ask(3)
    await settled()
    collecting, given_up = asking.ask(5), asking.ask(5)
    await settled()
    given_up.cancel()
    await asking.end()

    for waiting in (asked, opening, collecting):
        with pytest.raises(NotReadyError, match="the slot was lost"):
            await waiting
    assert now_s() < 1
    assert given_up.cancelled()


@in_virtual_time
async def test_nobody_waits_for_rounds_that_have_ended() -> None:
    """P2: nor are questions sent that nobody would hear the answers to."""
    asking = await asking_replica()
    as_of, found = await asking.begun()
    await asking.end()
    for late in (
        asking.rounds.ask(2, now_s() + 5),
        asking.rounds.ask_class(2, 0, as_of, now_s() + 5),
        asking.rounds.ask_on(2, found, as_of, now_s() + 5),
    ):
        with pytest.raises(NotReadyError, match="the slot was lost"):
            await late

    assert now_s() < 1
    assert not asking.rig.mailbox.has_sent


@in_virtual_time
async def test_nobody_waits_for_rounds_that_are_ending() -> None:
    """A client may take a moment to give a call up; what comes in that moment is not lost in it."""
    asking = await asking_replica()
    as_of, found = await asking.begun()
    rig = asking.rig
    await rig.serve()
    gate = rig.storage.faults.hold("read", clings=True)
    asking.ask(3).cancel()
    waiting = asking.ask(2)
    await gate.reached.wait()
    asking.life.cancel()
    await settled()
    assert not asking.life.done()
    late = [running(asking.rounds.ask_class(2, 0, as_of, now_s() + 5)), asking.ask(2)]
    await settled()
    gate.open()

    for each in (waiting, *late):
        with pytest.raises(NotReadyError, match="the slot was lost"):
            await each
    assert now_s() < 1
    assert found.slot == 7


@in_virtual_time
async def test_a_slot_that_is_lost_while_it_is_read_ends_the_rounds() -> None:
    """P2."""
    rig = await a_rig()
    await rig.serve()
    asking = Asking(rig)
    rig.storage.faults.fail("read", SlotLostError(rig.slot))
    with pytest.raises(NotReadyError):
        await asking.ask(2)

    with pytest.raises(ExceptionGroup) as caught:
        await asking.life
    assert caught.group_contains(SlotLostError)


@in_virtual_time
async def test_who_waits_for_a_page_when_the_slot_is_lost_is_told_at_once() -> None:
    asking = await asking_replica()
    as_of, found = await asking.begun()
    following = running(asking.rounds.ask_on(2, found, as_of, now_s() + 5))
    again = running(asking.rounds.ask_class(2, 0, as_of, now_s() + 5))
    await asking.question()
    await asking.question()
    await asking.end()

    for each in (following, again):
        with pytest.raises(NotReadyError, match="the slot was lost"):
            await each
    assert now_s() < 1
