"""What is not answered, although it was read: judged by lease, position, load and sweep (P2, P5, ADR 1)."""

import asyncio

import pytest

from factorsvc.domain.errors import SlotLostError, StorageUnavailableError
from factorsvc.domain.ports.storage import Change
from factorsvc.domain.question import Answered, Cursor, RefusalReason
from tests.builders import NOW_MS, a_page, a_position, a_put, a_question, a_refusal, an_answer
from tests.unit.application.answering import GONE, MULTIPLES_OF_6, NOT_SERVING, Answering, parts
from tests.unit.application.building import a_rig, in_virtual_time, settled


@pytest.mark.parametrize(("cursor", "reason"), [(None, NOT_SERVING), (Cursor(b"load", b"\0\0\0\1"), GONE)])
@in_virtual_time
async def test_a_database_that_does_not_answer_is_a_refusal(cursor: Cursor | None, reason: RefusalReason) -> None:
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.storage.faults.fail("read", StorageUnavailableError())

    assert await parts(rig, a_question()._replace(cursor=cursor)) == [a_refusal(0, reason)]


@in_virtual_time
async def test_nothing_is_answered_once_the_lease_is_not_sure() -> None:
    """P2: what was read may have been another replica's database already."""
    rig = await a_rig(lease_ttl_s=10)
    await rig.serve(a_put(6))
    gate = rig.storage.faults.hold("read")
    answering = Answering(rig, a_question())
    await asyncio.sleep(10)
    gate.open()

    assert await answering.parts() == [a_refusal(0, NOT_SERVING)]


@in_virtual_time
async def test_a_lost_slot_is_no_answer() -> None:
    """P2: it ends all that rests on the claim."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.storage.faults.fail("read", SlotLostError(rig.slot))

    with pytest.raises(SlotLostError):
        await parts(rig, a_question())


@in_virtual_time
async def test_a_view_that_is_older_than_was_believed_is_looked_at_and_waited_for() -> None:
    """Design 6, rule 3, P5: as after a Redis that came back without its last second."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    believed = a_position(next_offset=99)
    rig.custody.store({0: believed})
    answering = Answering(rig, a_question(read_index={0: 99}))
    await settled()
    assert answering.replies == []
    assert rig.custody.doubtful == {0}

    await rig.storage.inner.commit(await rig.storage.inner.look([0]), Change(positions={0: believed}))
    rig.custody.resume(0, believed, target=99)
    assert await answering.parts() == [an_answer(0, a_page(6))]


@in_virtual_time
async def test_a_view_that_was_made_anew_meanwhile_is_not_answered_from() -> None:
    """Design 6, rule 5: what was read may be a piece of either."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    await rig.load(0, load_id=b"another")

    assert await parts(rig, a_question()) == [a_refusal(0, NOT_SERVING)]
    assert rig.custody.doubtful == {0}


@in_virtual_time
async def test_a_wiped_view_is_not_answered_from() -> None:
    """P5: an empty database is no empty answer."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.database.wipe()

    assert await parts(rig, a_question()) == [a_refusal(0, NOT_SERVING)]
    assert rig.custody.doubtful == {0}


@in_virtual_time
async def test_expiry_is_judged_as_of_the_read_index() -> None:
    """ADR 1, P6: not by the clock at the reading."""
    rig = await a_rig()
    await rig.serve(a_put(6, expires_at_ms=NOW_MS + 1_000))
    await asyncio.sleep(2)

    assert await parts(rig, a_question(as_of_ms=NOW_MS + 999)) == [an_answer(0, a_page(6))]
    assert await parts(rig, a_question(as_of_ms=NOW_MS + 1_000)) == [an_answer(0, a_page())]


@in_virtual_time
async def test_a_question_as_of_before_an_unverified_sweep_is_refused() -> None:
    """ADR 1: the value may have been posted again in time, and that put not applied yet."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    rig.custody.note_sweep(0, NOW_MS)

    assert await parts(rig, a_question(as_of_ms=NOW_MS - 1)) == [a_refusal(0, NOT_SERVING)]
    assert await parts(rig, a_question(as_of_ms=NOW_MS)) == [an_answer(0, a_page(6))]


@in_virtual_time
async def test_a_sweep_counts_also_when_its_class_leaves_under_the_reading() -> None:
    """ADR 1: what was read may lack what was swept, whatever has become of the class since."""
    rig = await a_rig()
    await rig.serve(a_put(6))
    gate = rig.storage.faults.hold("read")
    answering = Answering(rig, a_question(as_of_ms=NOW_MS - 1))
    await gate.reached.wait()
    rig.custody.note_sweep(0, NOW_MS)
    rig.place(1, 2)
    rig.custody.succeed(0)
    gate.open()

    assert await answering.parts() == [a_refusal(0, NOT_SERVING)]


@in_virtual_time
async def test_a_cursor_is_good_for_the_load_it_came_from() -> None:
    """ADR 3: the class is begun again rather than continued in another view."""
    rig = await a_rig()
    await rig.serve(*map(a_put, MULTIPLES_OF_6))
    (part,) = await parts(rig, a_question())
    assert isinstance(part, Answered)
    await rig.load(0, load_id=b"another")
    rig.custody.resume(0, rig.database.positions[0], target=0)

    assert await parts(rig, a_question()._replace(cursor=part.pages[0].cursor)) == [a_refusal(0, GONE)]
