"""The OpenAPI document: parameters, bodies and errors as the routes name them, under the names of the models.

The routes take the bare request, since limits must act before anything is parsed, so what FastAPI would read off their
signatures is said here.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Path
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from factorsvc.domain.errors import FactorsvcError
from factorsvc.entrypoints.http import models
from factorsvc.entrypoints.http.api import HttpLimits
from factorsvc.entrypoints.http.parsing import MAX_TTL_S
from factorsvc.entrypoints.http.problems import (
    KINDS,
    MEDIA_TYPE,
    METHOD_NOT_ALLOWED,
    OUTCOME_HEADER,
    ProblemKind,
    outcome_of,
    problem_of,
)

_DOCUMENTS: Final = (
    models.CreateValuesRequest,
    models.SetValueResponse,
    models.Problem,
    models.Alive,
    models.Ready,
    models.ClusterStatus,
)

ResponseDocs = dict[int | str, dict[str, Any]]


def content_of(model: type[BaseModel], media_type: str = "application/json") -> dict[str, Any]:
    """The content of a body that `model` describes."""
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def documented(method: str, *errors: ProblemKind | type[FactorsvcError]) -> ResponseDocs:
    """What a route that answers `method` says about the problems it may answer with, by status."""
    kinds: defaultdict[int, dict[str, ProblemKind]] = defaultdict(dict)
    for error in errors:
        kind = error if isinstance(error, ProblemKind) else KINDS[error]
        kinds[kind.status][kind.slug] = kind
    return {status: _response(method, by_slug) for status, by_slug in sorted(kinds.items())}


def ttl_parameter() -> dict[str, Any]:
    """The ttl of a POST."""
    return {
        "name": "ttl",
        "in": "query",
        "required": False,
        "description": "Seconds that the values live from now on. Without it they live for ever.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_TTL_S},
        "example": 300,
    }


def prime_parameter(limits: HttpLimits) -> Any:
    """The prime of a GET: taken as text, since its digits are counted before a number is made of it."""
    return Path(
        description=f"A prime of at most {limits.max_bits} bits.",
        json_schema_extra={"type": "integer", "minimum": 2, "maximum": limits.max_number, "examples": [5]},
    )


class DescribedApp(FastAPI):
    """A FastAPI whose document has our schemas, with `limits` in them. It is built when it is first asked for."""

    def __init__(self, limits: HttpLimits, **settings: Any) -> None:
        super().__init__(**settings)
        self._limits = limits

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            document["components"] = {"schemas": _schemas(self._limits)}
        return document


def _schemas(limits: HttpLimits) -> dict[str, Any]:
    _, definitions = models_json_schema(
        [(model, "serialization") for model in _DOCUMENTS], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = definitions["$defs"]
    request = schemas[models.CreateValuesRequest.__name__]
    request["items"]["maximum"] = limits.max_number
    # Not as maxItems, which would say that a longer array is invalid: it is too large, a 413.
    request["description"] += f" At most {limits.max_batch} numbers in {limits.max_body_bytes} bytes."
    return schemas


def _response(method: str, kinds: Mapping[str, ProblemKind]) -> dict[str, Any]:
    content = content_of(models.Problem, MEDIA_TYPE)
    content[MEDIA_TYPE]["examples"] = {slug: {"value": _example(method, kind)} for slug, kind in kinds.items()}
    described = {
        "description": " / ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds.values()),
        "content": content,
    }
    if headers := _headers(method, list(kinds.values())):
        described["headers"] = headers
    return described


def _example(method: str, kind: ProblemKind) -> dict[str, Any]:
    outcome = outcome_of(kind, method)
    return {**problem_of(kind), **({} if outcome is None else {"outcome": outcome})}


def _headers(method: str, kinds: list[ProblemKind]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if METHOD_NOT_ALLOWED in kinds:
        headers["Allow"] = {"description": "The methods of this path.", "schema": {"type": "string"}}
    if any(kind.retry_after_s is not None for kind in kinds):
        headers["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
    outcomes = sorted({outcome for kind in kinds if (outcome := outcome_of(kind, method)) is not None})
    if outcomes:
        headers[OUTCOME_HEADER] = {
            "description": "What became of the numbers.",
            "schema": {"type": "string", "enum": outcomes},
        }
    return headers
