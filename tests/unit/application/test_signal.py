"""A signal: who waits when it is fired is woken, and nobody else."""

import asyncio

import pytest

from factorsvc.application.signal import Signal
from tests.unit.application.building import in_virtual_time, now_s, running, settled


@in_virtual_time
async def test_all_who_wait_are_woken() -> None:
    signal = Signal()
    waiting = [running(signal.wait()), running(signal.wait()), running(signal.wait_until(60))]
    await settled()
    assert not any(task.done() for task in waiting)

    signal.fire()
    await settled()
    assert all(task.done() for task in waiting)


@in_virtual_time
async def test_who_comes_later_waits_for_the_next_time() -> None:
    signal = Signal()
    signal.fire()
    late = running(signal.wait())
    await settled()
    assert not late.done()

    signal.fire()
    await late


@in_virtual_time
async def test_waiting_ends_at_its_deadline() -> None:
    await Signal().wait_until(60)
    assert now_s() == 60

    await Signal().wait_until(50)
    assert now_s() == 60, "a deadline that is over is no reason to wait"


@in_virtual_time
async def test_a_cancelled_wait_is_cancelled() -> None:
    waiting = running(Signal().wait_until(60))
    await settled()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert now_s() < 60
