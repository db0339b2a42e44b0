"""The clocks that need no server keep the contract."""

import time as machine

import pytest

from factorsvc.adapters.memory.clocks import ManualClock, SystemClock
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.clock import Clock
from tests.builders import NOW_MS
from tests.contracts.clock_contract import ClockContract, Time


class ManualTime(Time):
    """Set by a test, which may try to set it back."""

    def __init__(self) -> None:
        self._clock = ManualClock(NOW_MS)
        self.clock: Clock = self._clock
        self.may_be_unlearnt: Clock | None = None
        self._now_ms = NOW_MS

    def shift(self, by_ms: int) -> None:
        self._now_ms += by_ms
        self._clock.set(self._now_ms)


class MachineTime(Time):
    """The machine's clock, which an operator may set back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock: Clock = SystemClock()
        self.may_be_unlearnt: Clock | None = None
        self._now_ms = NOW_MS
        monkeypatch.setattr(machine, "time_ns", lambda: self._now_ms * 1_000_000)

    def shift(self, by_ms: int) -> None:
        self._now_ms += by_ms


class SampledTime(Time):
    """A server's clock, which an operator may set back; sampled whenever it is asked for."""

    def __init__(self) -> None:
        self._clock = SampledClock(lambda: self._instant)
        self.clock: Clock = self._clock
        self.may_be_unlearnt: Clock | None = SampledClock(lambda: self._instant)
        self._instant = 0.0
        self._clock.sample(NOW_MS, 0.0, 0.0)
        self._server_ms = NOW_MS

    def shift(self, by_ms: int) -> None:
        self._server_ms += by_ms
        self._instant += max(by_ms, 1) / 1000
        self._clock.sample(self._server_ms, self._instant, self._instant)


class TestManualClock(ClockContract):
    """Set by a test."""

    @pytest.fixture
    def time(self) -> Time:
        return ManualTime()

    def test_it_advances_by_seconds(self) -> None:
        """`advance` takes seconds, as durations of tests are."""
        clock = ManualClock(NOW_MS)
        clock.advance(1.5)
        assert clock.now_ms() == NOW_MS + 1500


class TestSystemClock(ClockContract):
    """The machine's."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> Time:
        return MachineTime(monkeypatch)


class TestSampledClock(ClockContract):
    """The one that a replica has."""

    @pytest.fixture
    def time(self) -> Time:
        return SampledTime()
