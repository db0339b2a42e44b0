"""One process from its start to its end: its replicas, the HTTP server before them, and what signals do to both.

Everything runs in one task group. What fails in it ends the process, loudly: a replica that cannot go on must not be
there half. A first SIGTERM or SIGINT drains; a second one does not wait for that.
"""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from contextvars import copy_context
from socket import socket
from typing import Any, Final

from starlette.types import ASGIApp

from factorsvc.adapters.observability.json_logs import bind
from factorsvc.adapters.observability.state_log import log_changes
from factorsvc.application.replica import Replica
from factorsvc.container import Container
from factorsvc.entrypoints.http.api import HttpLimits
from factorsvc.entrypoints.http.app import make_app
from factorsvc.entrypoints.http_server import HttpServer
from factorsvc.entrypoints.request_metrics import MeasuredRequests
from factorsvc.settings import Settings

_LOG: Final = logging.getLogger("factorsvc.process")

_RELEASE_S: Final = 5.0
"""How long a drained replica may take to release its slot before the slot is left to its lease."""

Deal = Callable[[Sequence[Replica], Sequence[ASGIApp]], ASGIApp]
"""Makes one application of those of several replicas."""
Beside = Callable[[Sequence[Replica]], Coroutine[Any, Any, None]]
"""Runs beside the replicas, until they are drained at the latest."""


def _only(_replicas: Sequence[Replica], apps: Sequence[ASGIApp]) -> ASGIApp:
    return apps[0]


async def run_process(
    container: Container,
    listening: socket,
    *,
    replicas: int = 1,
    deal: Deal = _only,
    beside: Beside | None = None,
) -> None:
    """Run `replicas` replicas of `container` behind `listening` until a signal has drained them.

    Raises:
        ExceptionGroup: a replica or the server failed.
    """
    settings = container.settings()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(container.workers().aclose)
        members = []
        for _ in range(replicas):
            around = container.surroundings()
            closing.push_async_callback(around.bus.close)
            members.append(container.replica(around=around))
        app = _application(container, members, deal)
        server = HttpServer(app, listening, settings.drain_deadline_s - settings.drain_delay_s)
        host, port, *_ = listening.getsockname()
        _LOG.info("listening", extra={"host": host, "port": port})
        gc.collect()
        gc.freeze()  # what is here now stays, so no collection need look at it again
        await _live(members, server, beside)


def _application(container: Container, replicas: Sequence[Replica], deal: Deal) -> ASGIApp:
    metrics = container.metrics()
    limits = _limits(container.settings())
    for replica in replicas:
        metrics.watch(replica)
    apps = [make_app(replica, limits, metrics.text) for replica in replicas]
    return MeasuredRequests(deal(replicas, apps), metrics.observe_request)


def _limits(settings: Settings) -> HttpLimits:
    return HttpLimits(
        max_batch=settings.max_batch,
        max_body_bytes=settings.max_body_bytes,
        max_bits=settings.max_bits,
        max_concurrent=settings.max_concurrent,
    )


async def _live(replicas: Sequence[Replica], server: HttpServer, beside: Beside | None) -> None:
    asked_to_stop = _first_signal()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(), name="http-server")
        lives, watching = [], []
        for number, replica in enumerate(replicas, start=1):
            context = copy_context()
            if len(replicas) > 1:
                context.run(bind, replica=number)
            lives.append(group.create_task(replica.run(), name=f"replica {number}", context=context))
            watching.append(group.create_task(log_changes(replica), name=f"state-log {number}", context=context))
        if beside is not None:
            watching.append(group.create_task(beside(replicas), name="beside"))
        _LOG.info("draining", extra={"signal": (await asked_to_stop).name})
        await _drain(replicas, server)
        _, undrained = await asyncio.wait(lives, timeout=_RELEASE_S)
        if undrained:
            _LOG.warning("drain_unfinished", extra={"replicas": len(undrained)})
        for task in (*undrained, *watching):
            task.cancel()
    _LOG.info("drained")


async def _drain(replicas: Sequence[Replica], server: HttpServer) -> None:
    """Drain all of `replicas`; the server stops when all of them have told clients for long enough to go elsewhere."""
    all_stop = asyncio.Barrier(len(replicas))

    async def stop_taking() -> None:
        place = await all_stop.wait()
        await server.stop()
        if place == 0:
            _LOG.info("requests_ended")

    async with asyncio.TaskGroup() as drains:
        for replica in replicas:
            drains.create_task(replica.drain(stop_taking), name="drain")


def _first_signal() -> asyncio.Future[signal.Signals]:
    """What is done at the first SIGTERM or SIGINT. From the second on, each ends the process at once."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[signal.Signals] = loop.create_future()

    def on_signal(number: signal.Signals) -> None:
        if first.done():
            os._exit(128 + number)  # as a shell reports a death by signal
        first.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return first
