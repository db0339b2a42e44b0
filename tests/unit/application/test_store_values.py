"""POST, part by part: what is refused, what is appended, and what each outcome means (P4, P8)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from factorsvc.application.policy import Policy
from factorsvc.application.store_values import StoreValues
from factorsvc.domain.broker_clock import BrokerClock
from factorsvc.domain.errors import (
    BatchTooLargeError,
    ClusterFullError,
    FactoringTimeoutError,
    FactorsvcError,
    InvalidNumberError,
    InvalidTtlError,
    NotReadyError,
    NotStoredError,
    NumberTooLargeError,
    OutcomeUnknownError,
    OverloadedError,
)
from factorsvc.domain.ports.journal import NoReceipt, Receipt
from factorsvc.domain.record import Put
from tests.builders import APPEND_TIMEOUT_MS, NOW_MS, a_status, a_value
from tests.unit.application.building import CLASSES, Rig, a_rig, in_virtual_time, now_s, running


def puts(rig: Rig) -> list[Put]:
    """The puts in the journal, by value."""
    records = [entry.record for class_id in range(CLASSES) for entry in rig.servers.entries(class_id)]
    return sorted(record for record in records if isinstance(record, Put))


@in_virtual_time
async def test_values_come_back_in_the_order_of_the_request() -> None:
    """Design 10: doubles included; 1 has no prime factors."""
    rig = await a_rig()

    assert await StoreValues(rig.work).store([144, 120, 1, 144], None) == [
        a_value(144),
        a_value(120),
        a_value(1),
        a_value(144),
    ]


@in_virtual_time
async def test_each_value_is_appended_once() -> None:
    """Each put under an id of its own, void after the deadline of the append, in broker time."""
    rig = await a_rig()
    await StoreValues(rig.work).store([6, 5, 6], None)

    five, six = puts(rig)
    assert (five.value, five.member) == (5, b"5 5")
    assert (six.value, six.member) == (6, b"6 2,3")
    assert five.put_id != six.put_id
    assert five.append_by_ms == six.append_by_ms == NOW_MS + APPEND_TIMEOUT_MS
    assert rig.journal.faults.calls.count("append") == 1


@in_virtual_time
async def test_a_ttl_counts_from_the_append() -> None:
    """Design 6: cluster time after factoring, one for all puts of a request."""
    rig = await a_rig()
    gate = rig.process.factorizer.faults.hold("factor")
    storing = running(StoreValues(rig.work).store([5, 6], 300))
    await asyncio.sleep(3)
    gate.open()
    await storing

    assert [put.expires_at_ms for put in puts(rig)] == [NOW_MS + 303_000] * 2


@in_virtual_time
async def test_without_a_ttl_a_value_lives_for_ever() -> None:
    rig = await a_rig()
    await StoreValues(rig.work).store([5], None)

    assert [put.expires_at_ms for put in puts(rig)] == [None]


@in_virtual_time
async def test_nothing_to_store_is_stored_at_once() -> None:
    """Also by a replica that could not append anything."""
    rig = await a_rig()
    rig.work.map.hear(a_status(full=True), now_s())

    assert await StoreValues(rig.work).store([], None) == []
    assert "append" not in rig.journal.faults.calls


SMALL = Policy(classes=CLASSES, max_batch=3, max_bits=8, max_ttl_s=100)


@pytest.mark.parametrize(
    ("numbers", "ttl_s", "error", "fields"),
    [
        ([1, 2, 3, 4], None, BatchTooLargeError, {"limit": 3}),
        ([5, 0], None, InvalidNumberError, {"index": 1}),
        ([5, 6, -5], None, InvalidNumberError, {"index": 2}),
        ([255, 256], None, NumberTooLargeError, {"limit_bits": 8, "index": 1}),
        ([5], 0, InvalidTtlError, {"limit_s": 100}),
        ([5], 101, InvalidTtlError, {"limit_s": 100}),
    ],
)
@in_virtual_time
async def test_bad_input_is_refused_before_any_work(
    numbers: list[int], ttl_s: int | None, error: type[FactorsvcError], fields: dict[str, int]
) -> None:
    """P8: one bad number, and nothing of the request is factored or stored."""
    rig = await a_rig(SMALL)
    with pytest.raises(error) as caught:
        await StoreValues(rig.work).store(numbers, ttl_s)
    assert {name: getattr(caught.value, name) for name in fields} == fields
    assert rig.process.factorizer.factored == []
    assert puts(rig) == []


@pytest.mark.parametrize(("number", "ttl_s"), [(1, 1), (255, 100)])
@in_virtual_time
async def test_the_limits_themselves_are_served(number: int, ttl_s: int) -> None:
    rig = await a_rig(SMALL)
    assert await StoreValues(rig.work).store([number, number, number], ttl_s) == [a_value(number)] * 3


@pytest.mark.parametrize("error", [FactoringTimeoutError(6, 10), OverloadedError("factoring")])
@in_virtual_time
async def test_what_could_not_be_factored_is_not_stored(error: Exception) -> None:
    """P8: wholly, not only the number at fault."""
    rig = await a_rig()
    rig.process.factorizer.faults.fail("factor", error)
    with pytest.raises(type(error)):
        await StoreValues(rig.work).store([5, 6], None)
    assert puts(rig) == []


@in_virtual_time
async def test_a_full_cluster_takes_nothing() -> None:
    """Design 10: as long as some live status says so. What would be appended could not be applied."""
    rig = await a_rig()
    rig.work.map.hear(a_status(2, full=True), now_s())
    rig.work.map.hear(a_status(1), now_s())
    store = StoreValues(rig.work)
    with pytest.raises(ClusterFullError) as caught:
        await store.store([5], None)
    assert caught.value.slots == (2,)
    assert puts(rig) == []

    rig.work.map.hear(a_status(2), now_s())
    assert await store.store([5], None) == [a_value(5)]


@in_virtual_time
async def test_without_the_brokers_time_there_is_no_post() -> None:
    """Design 6: nobody could say until when a put counts."""
    rig = await a_rig()
    with pytest.raises(NotReadyError, match="broker's time"):
        await StoreValues(replace(rig.work, broker_clock=BrokerClock())).store([5], None)
    assert puts(rig) == []


@in_virtual_time
async def test_a_broker_that_is_away_has_stored_nothing() -> None:
    """P8: refused connections carry nothing, so the client may try again at once."""
    rig = await a_rig()
    rig.servers.broker.stop()
    with pytest.raises(NotStoredError):
        await StoreValues(rig.work).store([5, 6], None)
    assert now_s() <= 5


@in_virtual_time
async def test_a_put_that_lands_too_late_counts_for_nothing() -> None:
    """P8: the broker's clock decides; all puts are void here, so nothing is stored and the POST may be repeated."""
    rig = await a_rig()
    rig.servers.broker.clock_offset_ms = APPEND_TIMEOUT_MS + 1
    with pytest.raises(NotStoredError):
        await StoreValues(rig.work).store([5, 6], None)


NOT_SENT, UNKNOWN, LANDED, VOID = NoReceipt.NOT_SENT, NoReceipt.UNKNOWN, NOW_MS, NOW_MS + APPEND_TIMEOUT_MS + 1


@pytest.mark.parametrize("receipts", [[NOT_SENT, NOT_SENT], [VOID, VOID], [VOID, NOT_SENT]])
@in_virtual_time
async def test_nothing_stored_is_said_only_of_all(receipts: Sequence[Receipt]) -> None:
    """P8: each put was never sent or is void."""
    rig = await a_rig()
    rig.journal.faults.answer("append", receipts)
    with pytest.raises(NotStoredError):
        await StoreValues(rig.work).store([5, 6], None)


@pytest.mark.parametrize("receipts", [[UNKNOWN, NOT_SENT], [LANDED, UNKNOWN], [LANDED, NOT_SENT], [LANDED, VOID]])
@in_virtual_time
async def test_an_outcome_in_parts_is_unknown(receipts: Sequence[Receipt]) -> None:
    """P4, P8: 200 is answered only if every put counts, and that a part of them does is not nothing."""
    rig = await a_rig()
    rig.journal.faults.answer("append", receipts)
    with pytest.raises(OutcomeUnknownError):
        await StoreValues(rig.work).store([5, 6], None)


@in_virtual_time
async def test_a_post_that_froze_while_it_factored_stores_nothing() -> None:
    """ADR 4, P8: woken an hour later it does not begin to append, as its client has given up long ago."""
    rig = await a_rig()
    gate = rig.process.factorizer.faults.hold("factor")
    storing = running(StoreValues(rig.work).store([5], None))
    await asyncio.sleep(3_600)
    gate.open()

    with pytest.raises(NotStoredError):
        await storing
    assert puts(rig) == []


@in_virtual_time
async def test_the_deadline_of_an_append_is_at_most_both_timeouts_after_the_post() -> None:
    """ADR 4: what a late but permitted factoring leaves of it."""
    rig = await a_rig()
    gate = rig.process.factorizer.faults.hold("factor")
    storing = running(StoreValues(rig.work).store([5], None))
    await asyncio.sleep(12)  # the factorizer's deadline was at 10
    gate.open()
    await storing

    assert [put.append_by_ms for put in puts(rig)] == [NOW_MS + 15_000]
