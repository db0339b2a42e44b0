"""POST and GET of values: thin, since a use case decides and a table knows the errors."""

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from factorsvc.domain import errors
from factorsvc.entrypoints.http import refusals
from factorsvc.entrypoints.http.api import HttpLimits, ReplicaApi
from factorsvc.entrypoints.http.bodies import read_body, require_json
from factorsvc.entrypoints.http.documentation import content_of, documented, prime_parameter, ttl_parameter
from factorsvc.entrypoints.http.json_answers import answer_with_found, answer_with_stored
from factorsvc.entrypoints.http.models import CreateValuesRequest, SetValueResponse
from factorsvc.entrypoints.http.parsing import numbers_of, prime_of, ttl_of
from factorsvc.entrypoints.http.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND

_TEMPORARY = (
    errors.NotReadyError,
    errors.OverloadedError,
    errors.SlotLostError,
    errors.StorageUnavailableError,
    errors.JournalUnavailableError,
)
_POST_ERRORS = (
    refusals.MalformedBodyError,
    refusals.BodyTooLargeError,
    errors.BatchTooLargeError,
    refusals.UnsupportedMediaTypeError,
    refusals.NotAnArrayError,
    errors.InvalidNumberError,
    errors.NumberTooLargeError,
    errors.InvalidTtlError,
    errors.FactoringTimeoutError,
    errors.NotStoredError,
    errors.OutcomeUnknownError,
    errors.ClusterFullError,
    *_TEMPORARY,
)
_GET_ERRORS = (
    refusals.NotAnIntegerError,
    errors.NumberTooLargeError,
    errors.NotPrimeError,
    errors.NotCoveredError,
    *_TEMPORARY,
)


def make_values_routes(replica: ReplicaApi, limits: HttpLimits) -> APIRouter:
    """The routes under `/values`."""
    routes = APIRouter(tags=["values"])

    @routes.post(
        "/values",
        operation_id="createValues",
        response_class=Response,
        responses={
            200: {"description": "Stored, in the order of the request.", "content": content_of(SetValueResponse)},
            **documented("POST", METHOD_NOT_ALLOWED, INTERNAL, *_POST_ERRORS),
        },
        openapi_extra={
            "parameters": [ttl_parameter()],
            "requestBody": {"required": True, "content": content_of(CreateValuesRequest)},
        },
    )
    async def create_values(request: Request) -> Response:
        """Store integers with their prime factors, all of them or, after an error that says so, none.

        Posting a value again replaces its ttl. A 503 or 507 says in `outcome` whether nothing was stored or whether
        that is unknown; posting again is safe in both cases.
        """
        require_json(request)
        ttl_s = ttl_of(request.query_params.getlist("ttl"))
        body = await read_body(request, limits.max_body_bytes)
        return answer_with_stored(await replica.store(numbers_of(body, limits), ttl_s))

    @routes.get(
        "/values/{prime_factor}",
        operation_id="findValues",
        response_class=Response,
        responses={
            200: {"description": "Every value with this prime factor.", "content": content_of(SetValueResponse)},
            **documented("GET", NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL, *_GET_ERRORS),
        },
    )
    async def find_values(prime_factor: Annotated[str, prime_parameter(limits)]) -> Response:
        """Return all stored values that have the prime factor, in no order: all of the server, never a part of it.

        An answer that cannot be finished is broken off: the connection closes in the middle of the array.
        """
        return answer_with_found(await replica.find(prime_of(prime_factor, limits)))

    return routes
