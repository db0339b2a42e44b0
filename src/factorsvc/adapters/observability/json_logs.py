"""How log lines look: JSON for machines, colours for people. Who logs uses `logging` and gives fields as `extra`.

A line shows its event and the fields that were given, and nothing of its surroundings: a traceback comes without the
values of variables, among which could be a password.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final, Literal, TextIO

from structlog import contextvars, dev, processors, stdlib
from structlog.typing import Processor

from factorsvc.adapters.observability.repeats import Repeats

_INSISTENT: Final = "aiokafka"
"""Logs each of its connections, of which there are many while a broker comes and goes."""
_REPEATED_AFTER_S: Final = 60.0

LogFormat = Literal["auto", "console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


def configure_logs(form: LogFormat, level: LogLevel, stream: TextIO) -> None:
    """Have all logs of this process written to `stream` from now on, one event with its fields after the other.

    `auto` is for people if `stream` is a terminal and for machines if not.
    """
    for_people = form == "console" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                contextvars.merge_contextvars,
                stdlib.add_log_level,
                stdlib.add_logger_name,
                processors.TimeStamper(fmt="iso", utc=True),
                stdlib.ExtraAdder(),
            ],
            processors=[
                stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_people(colours=stream.isatty()) if for_people else _for_machines()),
            ],
        )
    )
    handler.addFilter(Repeats(_INSISTENT, _REPEATED_AFTER_S, time.monotonic))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def bind(**fields: object) -> None:
    """Add `fields` to every line that this task, and any task that it starts from now on, will log."""
    contextvars.bind_contextvars(**fields)


def _for_people(*, colours: bool) -> Sequence[Processor]:
    # Text that came from a client is shown as repr() shows it, so that it cannot command the terminal.
    return [dev.ConsoleRenderer(colors=colours, repr_native_str=True, exception_formatter=dev.plain_traceback)]


def _for_machines() -> Sequence[Processor]:
    return [processors.format_exc_info, processors.JSONRenderer()]
