"""The `factorsvc` command.

Exit codes: 0 drained, 1 failed, 2 told to do what it cannot, 130 and 143 ended at once by a second Ctrl-C or SIGTERM.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Final, NoReturn

import typer
import uvloop

from factorsvc.adapters.observability.json_logs import configure_logs
from factorsvc.container import Container
from factorsvc.domain.errors import JournalMismatchError, StorageMismatchError
from factorsvc.entrypoints.dev import Turns, introduce
from factorsvc.entrypoints.http_server import AddressUnavailableError, listen
from factorsvc.entrypoints.process import run_process
from factorsvc.settings import Settings, SettingsError, load_settings

_FAILED: Final = 1
_TOLD_WRONG: Final = 2
_MOST_REPLICAS: Final = 64

_LOG: Final = logging.getLogger("factorsvc.process")

_commands = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@_commands.callback()
def _factorsvc() -> None:
    """Store integers with their prime factors, and find them by a prime. Settings are FACTORSVC_* variables."""


@_commands.command()
def serve() -> None:
    """Run one replica, until SIGTERM or Ctrl-C drains it.

    It goes on serving until others have taken its classes over.
    """
    settings = _settings()
    configure_logs(settings.log_format, settings.log_level, sys.stdout)
    _run(settings)


@_commands.command()
def dev(
    *,
    memory: Annotated[bool, typer.Option("--memory", help="Everything in this process, no server needed.")] = False,
    replicas: Annotated[int, typer.Option(min=1, max=_MOST_REPLICAS, help="How many; 16 have a slot each.")] = 3,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of FACTORSVC_HTTP_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on, instead of FACTORSVC_HTTP_PORT.")
    ] = None,
) -> None:
    """Run a whole cluster on this machine, for trying it out."""
    if not memory:
        _end(_TOLD_WRONG, "a cluster of real servers on this machine is still to come; use --memory")
    address = {"http_host": host, "http_port": port}
    settings = _settings(backend="memory", **{name: given for name, given in address.items() if given is not None})
    # There is no load balancer that would have to see who leaves, and what to try should not drown in logs.
    quiet = {"drain_delay_s": 0.0, "log_level": "warning"}
    settings = settings.model_copy(
        update={name: value for name, value in quiet.items() if name not in settings.model_fields_set}
    )
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    _run(settings, replicas)


def main() -> None:
    """Run the command that the arguments name."""
    _commands()


def _settings(**given: Any) -> Settings:
    try:
        return load_settings(**given)
    except SettingsError as error:
        _end(_TOLD_WRONG, *error.lines)


def _run(settings: Settings, dev_replicas: int | None = None) -> None:
    container = Container(settings=settings)
    try:
        with (
            listen(settings.http_host, settings.http_port) as listening,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            if dev_replicas is None:
                runner.run(run_process(container, listening))
            else:
                beside = partial(introduce, port=listening.getsockname()[1], say=typer.echo)
                runner.run(run_process(container, listening, replicas=dev_replicas, deal=Turns, beside=beside))
    except SettingsError as error:
        _end(_TOLD_WRONG, *error.lines)
    except AddressUnavailableError as error:
        _end(_FAILED, str(error))
    except ExceptionGroup as failed:
        if faults := list(_mismatches(failed)):
            _end(_FAILED, *faults)
        _LOG.critical("failed", exc_info=True)
        raise typer.Exit(_FAILED) from None


def _mismatches(failed: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    """What whoever runs the servers must change, if that is why it failed."""
    for error in failed.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _mismatches(error)
        elif isinstance(error, StorageMismatchError):
            yield from (f"Redis cannot be used: {fault}" for fault in error.faults)
        elif isinstance(error, JournalMismatchError):
            yield f"Kafka cannot be used: {error}"


def _end(code: int, *lines: str) -> NoReturn:
    for line in lines:
        typer.echo(f"factorsvc: {line}", err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
