"""Puts the HTTP application together."""

from collections.abc import Callable
from importlib.metadata import version

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from factorsvc.domain.errors import FactorsvcError
from factorsvc.entrypoints.http.access_log import AccessLog
from factorsvc.entrypoints.http.admission import Admission
from factorsvc.entrypoints.http.api import HttpLimits, ReplicaApi
from factorsvc.entrypoints.http.docs_page import make_docs_routes
from factorsvc.entrypoints.http.documentation import DescribedApp
from factorsvc.entrypoints.http.farewell import Farewell
from factorsvc.entrypoints.http.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, answer_to_error, answer_with
from factorsvc.entrypoints.http.status_routes import make_status_routes
from factorsvc.entrypoints.http.values_routes import make_values_routes


def make_app(replica: ReplicaApi, limits: HttpLimits, metrics: Callable[[], bytes]) -> FastAPI:
    """Return the ASGI application that serves `replica`; `metrics` gives Prometheus' text.

    It has no lifespan and starts nothing: whoever runs it starts the replica before and ends it after.
    """
    app = DescribedApp(
        limits,
        title="factorsvc",
        version=version("factorsvc"),
        description="Stores integers with their prime factors and answers which of them have a given prime factor.",
        redirect_slashes=False,  # a path is right or a 404
        docs_url=None,  # FastAPI's own load Swagger UI from a stranger's server
        redoc_url=None,
    )
    app.include_router(make_values_routes(replica, limits))
    app.include_router(make_status_routes(replica, metrics))
    app.include_router(make_docs_routes(app.openapi_url or ""))
    app.add_exception_handler(FactorsvcError, _on_domain_error)
    app.add_exception_handler(404, _on_unknown_path)
    app.add_exception_handler(405, _on_wrong_method)
    app.add_exception_handler(Exception, _on_defect)
    # The last one added is the outermost.
    app.add_middleware(Admission, limit=limits.max_concurrent)
    app.add_middleware(Farewell, replica=replica)
    app.add_middleware(AccessLog)
    return app


async def _on_domain_error(request: Request, error: Exception) -> Response:
    return answer_to_error(error, request.method)


async def _on_unknown_path(request: Request, _error: Exception) -> Response:
    return answer_with(NOT_FOUND, request.method)


async def _on_wrong_method(request: Request, error: Exception) -> Response:
    allow = error.headers if isinstance(error, HTTPException) else None
    return answer_with(METHOD_NOT_ALLOWED, request.method, headers=allow)


async def _on_defect(request: Request, _error: Exception) -> Response:
    """Tell nothing of the error: it goes on to the server, which logs it."""
    return answer_with(INTERNAL, request.method)
