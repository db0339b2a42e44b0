"""How log lines look, to machines and to people, and what must never stand in one."""

import io
import json
import logging
from collections.abc import Iterator
from secrets import token_hex

import pytest
from structlog import contextvars

from factorsvc.adapters.observability.json_logs import LogFormat, LogLevel, bind, configure_logs


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers.copy(), root.level
    root.handlers.clear()  # or they would be closed
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    contextvars.clear_contextvars()


def logged(
    event: str, form: LogFormat = "json", level: LogLevel = "info", stream: io.StringIO | None = None, **fields: object
) -> str:
    """What stands in the log after `event` was logged at level warning."""
    stream = io.StringIO() if stream is None else stream
    configure_logs(form, level, stream)
    logging.getLogger("factorsvc.test").warning(event, extra=fields)
    return stream.getvalue()


def test_machines_get_one_json_object_a_line() -> None:
    line = logged("slot_claimed", slot=3, classes=[1, 2], path="a\nb")

    assert line.endswith("}\n")
    assert line.count("\n") == 1
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "slot_claimed",
        "level": "warning",
        "logger": "factorsvc.test",
        "slot": 3,
        "classes": [1, 2],
        "path": "a\nb",
    }


def test_auto_is_for_people_on_a_terminal_only() -> None:
    assert logged("started", "auto").startswith("{")
    assert not logged("started", "auto", stream=Terminal()).startswith("{")
    assert not logged("started", "console").startswith("{")
    assert logged("started", "json", stream=Terminal()).startswith("{")


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" in logged("started", "console", stream=Terminal())
    assert "\x1b[" not in logged("started", "console")


def test_what_is_below_the_level_is_left_out() -> None:
    assert logged("started", level="error") == ""


@pytest.mark.parametrize("path", ["/\x1b[2J", "/x\n[error] no more room"])
def test_a_client_cannot_command_the_terminal(path: str) -> None:
    """A path may hold an escape sequence, or a line break that would begin a line of its own."""
    line = logged("request", "console", path=path)

    assert "\x1b" not in line
    assert line.count("\n") == 1
    assert f"path={path!r}" in line


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_says_where_but_no_values(form: LogFormat) -> None:
    """Among the variables of a function that failed may be a password."""
    stream = io.StringIO()
    configure_logs(form, "info", stream)
    password = token_hex(4)  # short enough for no formatter to break it
    try:
        _fail_with(password)
    except ZeroDivisionError:
        logging.getLogger("factorsvc.test").exception("failed")

    assert "ZeroDivisionError: " in stream.getvalue()
    assert "in _fail_with" in stream.getvalue()
    assert password not in stream.getvalue()
    assert form == "console" or stream.getvalue().count("\n") == 1


def test_what_is_bound_stands_in_each_line_that_follows() -> None:
    bind(replica=2)

    assert json.loads(logged("ready"))["replica"] == 2
    assert json.loads(logged("ready", replica=3))["replica"] == 3


def _fail_with(password: str) -> None:
    assert len(password) // 0


def test_a_client_that_cannot_reach_a_broker_does_not_fill_the_log() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)

    for logger in ("aiokafka", "aiokafka.consumer.group_coordinator") * 3:
        logging.getLogger(logger).error("cannot reach a broker")

    assert stream.getvalue().count("\n") == 1
