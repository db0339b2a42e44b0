"""What the replica and the cluster say of themselves: to probes, to people, to monitoring."""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factorsvc.domain.errors import NotReadyError
from factorsvc.entrypoints.http.api import ReplicaApi
from factorsvc.entrypoints.http.cluster_events import ClusterEvents, picture_of
from factorsvc.entrypoints.http.documentation import content_of, documented
from factorsvc.entrypoints.http.json_answers import JsonAnswer
from factorsvc.entrypoints.http.models import Alive, ClusterStatus, Ready
from factorsvc.entrypoints.http.problems import INTERNAL, METHOD_NOT_ALLOWED

_METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format
_ERRORS: Final = documented("GET", METHOD_NOT_ALLOWED, INTERNAL)
_READY: Final = {
    200: {"description": "The replica takes requests.", "content": content_of(Ready)},
    **documented("GET", METHOD_NOT_ALLOWED, INTERNAL, NotReadyError),
}
_EVENTS: Final = {
    200: {
        "description": "One event per change; its data is a ClusterStatus.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **_ERRORS,
}
_METRICS: Final = {
    200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **_ERRORS,
}


def make_status_routes(replica: ReplicaApi, metrics: Callable[[], bytes]) -> APIRouter:
    """The routes that need no slot, no bus and no room: they answer as long as the process lives."""
    routes = APIRouter(tags=["status"])

    @routes.get(
        "/healthz",
        operation_id="isAlive",
        response_class=Response,
        responses={200: {"description": "The process is alive.", "content": content_of(Alive)}, **_ERRORS},
    )
    async def is_alive(_request: Request) -> Response:
        """Say that the process is alive. A standby is, and a replica that leaves."""
        return JsonAnswer(Alive().model_dump_json().encode())

    @routes.get("/readyz", operation_id="isReady", response_class=Response, responses=_READY)
    async def is_ready(_request: Request) -> Response:
        """Say whether to send requests here."""
        ready, reason, slot, epoch, classes = replica.readiness()
        if not ready or slot is None or epoch is None:
            raise NotReadyError(reason)
        return JsonAnswer(Ready(slot=slot, epoch=epoch, classes=classes).model_dump_json().encode())

    @routes.get(
        "/cluster",
        operation_id="showCluster",
        response_class=Response,
        responses={200: {"description": "What each replica holds.", "content": content_of(ClusterStatus)}, **_ERRORS},
    )
    async def show_cluster(_request: Request) -> Response:
        """Show slots, classes, values and lag of every replica as this one knows them."""
        return JsonAnswer(picture_of(replica))

    @routes.get("/cluster/events", operation_id="watchCluster", response_class=Response, responses=_EVENTS)
    async def watch_cluster(_request: Request) -> Response:
        """Stream what `/cluster` shows, now and whenever it changes, until you close it or this replica leaves."""
        return ClusterEvents(replica)

    @routes.get("/metrics", operation_id="showMetrics", response_class=Response, responses=_METRICS)
    async def show_metrics(_request: Request) -> Response:
        """Show the metrics of this replica."""
        return Response(metrics(), media_type=_METRICS_MEDIA_TYPE)

    return routes
