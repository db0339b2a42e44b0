"""What every `Clock` promises. A binding gives the fixture `time`."""

from abc import abstractmethod
from typing import Protocol

import pytest

from factorsvc.domain.errors import NotReadyError
from factorsvc.domain.ports.clock import Clock
from tests.builders import NOW_MS


class Time(Protocol):
    """The time that a clock goes by, which is `NOW_MS` at first."""

    clock: Clock
    """The clock, which has learnt what it must."""
    may_be_unlearnt: Clock | None
    """Another one that has learnt nothing yet, where there is something to learn."""

    @abstractmethod
    def shift(self, by_ms: int) -> None:
        """Let time pass, or set it back."""


class ClockContract:
    """One clock and the time behind it."""

    def test_it_tells_the_time_in_ms(self, time: Time) -> None:
        """`now_ms` is an integer, and follows the time."""
        assert time.clock.now_ms() == NOW_MS
        time.shift(1)
        assert time.clock.now_ms() == NOW_MS + 1
        time.shift(86_400_000)
        assert time.clock.now_ms() == NOW_MS + 86_400_001
        assert isinstance(time.clock.now_ms(), int)

    def test_it_never_goes_back(self, time: Time) -> None:
        """Whatever is behind it does: it stands still until time has caught up (P6: what was gone stays gone)."""
        time.shift(500)
        assert time.clock.now_ms() == NOW_MS + 500
        time.shift(-400)
        assert time.clock.now_ms() == NOW_MS + 500
        time.shift(300)
        assert time.clock.now_ms() == NOW_MS + 500
        time.shift(200)
        assert time.clock.now_ms() == NOW_MS + 600

    def test_it_says_so_when_it_does_not_know(self, time: Time) -> None:
        """A clock that must learn the time raises `NotReadyError` before, rather than guess."""
        if time.may_be_unlearnt is None:
            assert time.clock.now_ms() > 0
        else:
            with pytest.raises(NotReadyError):
                time.may_be_unlearnt.now_ms()
