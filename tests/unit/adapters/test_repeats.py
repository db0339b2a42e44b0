"""Lines of an insistent library are shown once in a while, and those of others always."""

import logging

from factorsvc.adapters.observability.repeats import _REMEMBERED, Repeats


class Log:
    """A log that holds repeats of `library` back, and a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._repeats = Repeats("library", 60.0, lambda: self.now_s)

    def shows(self, message: str, *arguments: object, logger: str = "library.part") -> bool:
        record = logging.LogRecord(logger, logging.ERROR, __file__, 1, message, arguments, None)
        return bool(self._repeats.filter(record))


def test_a_line_is_shown_once_a_minute() -> None:
    log = Log()

    assert log.shows("cannot reach %s", "a")
    assert not log.shows("cannot reach %s", "a")
    log.now_s = 59.9
    assert not log.shows("cannot reach %s", "a")
    log.now_s = 60.0
    assert log.shows("cannot reach %s", "a")
    assert not log.shows("cannot reach %s", "a")


def test_another_line_is_shown_at_once() -> None:
    log = Log()

    assert log.shows("cannot reach %s", "a")
    assert log.shows("cannot reach %s", "b")


def test_lines_of_others_are_shown_always() -> None:
    log = Log()

    assert all(log.shows("slot_lost", logger=logger) for logger in ("factorsvc.redis", "librarys") * 2)


def test_what_was_shown_longest_ago_is_forgotten_first() -> None:
    log = Log()
    assert log.shows("first")
    for number in range(_REMEMBERED - 1):
        log.shows("line %d", number)
    assert not log.shows("first")

    log.shows("one more")

    assert log.shows("first")
    assert not log.shows("one more")
