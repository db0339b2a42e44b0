"""The OpenAPI document tells all, and tells the truth."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import NotPrimeError
from factorsvc.entrypoints.http.api import HttpLimits
from factorsvc.entrypoints.http.problems import KINDS
from tests.http.asking import ask_now
from tests.http.replica_stub import StubReplica, an_app
from tests.http.test_problems import EXAMPLES

DOCUMENT: dict[str, Any] = an_app().openapi()
OPERATIONS = {
    f"{method} {path}": operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
}


def refs(node: Any) -> Iterator[str]:
    """All references in a document."""
    match node:
        case {"$ref": str(ref)}:
            yield ref
        case dict():
            for child in node.values():
                yield from refs(child)
        case list():
            for child in node:
                yield from refs(child)
        case _:
            pass


def test_the_document_is_served() -> None:
    assert ask_now(an_app(), "GET", "/openapi.json").json() == json.loads(json.dumps(DOCUMENT))


def test_the_models_have_their_names() -> None:
    """Design 10 fixes the names of the models and of the path parameter."""
    post, get = DOCUMENT["paths"]["/values"]["post"], DOCUMENT["paths"]["/values/{prime_factor}"]["get"]
    schemas = "#/components/schemas/"
    assert post["requestBody"]["content"]["application/json"]["schema"]["$ref"] == schemas + "CreateValuesRequest"
    for operation in (post, get):
        content = operation["responses"]["200"]["content"]
        assert content["application/json"]["schema"]["$ref"] == schemas + "SetValueResponse"
    entity = DOCUMENT["components"]["schemas"]["CalculatedValueEntity"]
    assert set(entity["properties"]) == {"value", "prime_factors"}
    assert [parameter["name"] for parameter in get["parameters"]] == ["prime_factor"]
    assert [parameter["name"] for parameter in post["parameters"]] == ["ttl"]


def test_the_examples_are_those_of_the_design() -> None:
    """The request and the answer of design 1."""
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["CreateValuesRequest"]["examples"] == [[144, 120]]
    assert schemas["SetValueResponse"]["examples"] == [
        [{"value": 144, "prime_factors": [2, 2, 2, 2, 3, 3]}, {"value": 120, "prime_factors": [2, 2, 2, 3, 5]}]
    ]
    request, answer = schemas["CreateValuesRequest"]["examples"][0], schemas["SetValueResponse"]["examples"][0]
    assert ask_now(an_app(), "POST", "/values", json=request).json() == answer


def test_limits_are_in_the_document() -> None:
    """What a client may send depends on how the replica is configured."""
    document = an_app(limits=HttpLimits(max_batch=7, max_bits=8)).openapi()
    request = document["components"]["schemas"]["CreateValuesRequest"]
    assert "At most 7 numbers" in request["description"]
    assert (request["items"]["minimum"], request["items"]["maximum"]) == (1, 255)
    prime = document["paths"]["/values/{prime_factor}"]["get"]["parameters"][0]["schema"]
    assert (prime["type"], prime["maximum"]) == ("integer", 255)


def test_every_reference_has_its_schema() -> None:
    """And every schema is referred to."""
    assert {ref.rpartition("/")[2] for ref in refs(DOCUMENT)} == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_errors_are_documented_as_problems(operation: dict[str, Any]) -> None:
    """Each route says 405, 500, and every other error as application/problem+json, with an example of each type."""
    assert {"405", "500"} <= set(operation["responses"])
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            (content,) = response["content"].items()
            assert content[0] == "application/problem+json"
            for slug, shown in content[1]["examples"].items():
                assert shown["value"]["status"] == int(status)
                assert shown["value"]["type"] == f"urn:factorsvc:problem:{slug}"
                assert slug in response["description"]


@pytest.mark.parametrize(("method", "target"), [("post", "/values"), ("get", "/values/{prime_factor}")])
def test_no_error_of_a_use_case_has_an_undocumented_status(method: str, target: str) -> None:
    """Whatever a use case raises, the route's status for it stands in the document, but for what only a POST meets."""
    documented = set(DOCUMENT["paths"][target][method]["responses"])
    posts_only = {"400", "413", "415", "507"} if method == "get" else set()
    assert {str(KINDS[type(error)].status) for error, *_ in EXAMPLES} <= documented | posts_only


class PickyReplica(StubReplica):
    """Refuses even numbers as the use case refuses what is no prime."""

    async def find(self, prime: int) -> Answer:
        if prime % 2 == 0 or prime == 1:
            raise NotPrimeError(prime)
        return Answer([b"120 2,2,2,3,5"])


API = schemathesis.openapi.from_asgi("/openapi.json", an_app(PickyReplica())).exclude(path="/cluster/events")


# JSON Schema cannot say "a prime", and takes 3.0 for an integer: what fits a schema may still be a 422.
BEYOND_SCHEMAS: list[Any] = [positive_data_acceptance]


@API.parametrize()
@settings(max_examples=100)
def test_schemathesis_finds_nothing(case: schemathesis.Case[Any]) -> None:
    """No 5xx, no undocumented status, no answer that breaks its schema, nothing taken that the schema forbids."""
    case.call_and_validate(excluded_checks=BEYOND_SCHEMAS)
