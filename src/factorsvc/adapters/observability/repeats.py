"""A library that tries again and again to reach a server that is away says so each time: here, once a minute."""

import logging
from collections.abc import Callable
from typing import Final

_REMEMBERED: Final = 1_000
"""Lines at most, lest a library that never says the same twice fills the memory."""


class Repeats(logging.Filter):
    """Holds back a line that was shown less than `for_s` ago, if it is of `logger` or of one below it."""

    def __init__(self, logger: str, for_s: float, now: Callable[[], float]) -> None:
        """Judge lines by `now`, the time in seconds by any clock."""
        super().__init__(logger)
        self._for_s = for_s
        self._now = now
        self._shown_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        line, now = record.getMessage(), self._now()
        shown_at = self._shown_at.get(line)
        if shown_at is not None and now - shown_at < self._for_s:
            return False
        self._shown_at.pop(line, None)
        self._shown_at[line] = now  # and last, so that the first is what was shown longest ago
        if len(self._shown_at) > _REMEMBERED:
            del self._shown_at[next(iter(self._shown_at))]
        return True
