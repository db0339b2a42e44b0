"""Every error has its problem, and a problem tells what the client needs and nothing of the inside."""

import json
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from factorsvc.domain import errors
from factorsvc.entrypoints.http import refusals
from factorsvc.entrypoints.http.problems import KINDS, answer_to_error
from tests.http.asking import ask, connected, serving
from tests.http.replica_stub import StubReplica, an_app

ABSTRACT = {errors.FactorsvcError, errors.RequestError, errors.ReplicaError, errors.ClusterError}
INTERNALS = "redis.internal:6379 said NOAUTH, see /usr/lib/redis.py"

EXAMPLES: list[tuple[errors.FactorsvcError, int, str, int | None, str | None]] = [
    # the error, its status, its type, Retry-After, what became of a POST
    (refusals.MalformedBodyError(), 400, "malformed-body", None, None),
    (refusals.BodyTooLargeError(9), 413, "body-too-large", None, None),
    (refusals.UnsupportedMediaTypeError(), 415, "unsupported-media-type", None, None),
    (refusals.NotAnArrayError(), 422, "not-an-array", None, None),
    (refusals.NotAnIntegerError(), 422, "not-an-integer", None, None),
    (errors.BatchTooLargeError(9), 413, "batch-too-large", None, None),
    (errors.InvalidNumberError(9), 422, "invalid-number", None, None),
    (errors.NumberTooLargeError(256, 9), 422, "number-too-large", None, None),
    (errors.InvalidTtlError(9), 422, "invalid-ttl", None, None),
    (errors.NotPrimeError(9), 422, "not-prime", None, None),
    (errors.FactoringTimeoutError(9, 10), 422, "factoring-timeout", None, None),
    (errors.NotReadyError("waits for a slot"), 503, "not-ready", 1, "nothing-stored"),
    (errors.OverloadedError("workers"), 503, "overloaded", 1, "nothing-stored"),
    (errors.NotStoredError(INTERNALS), 503, "not-stored", 1, "nothing-stored"),
    (errors.ClusterFullError([3]), 507, "full", 10, "nothing-stored"),
    (errors.OutcomeUnknownError(INTERNALS), 503, "outcome-unknown", 1, "unknown"),
    (errors.NotCoveredError([3]), 503, "not-covered", 1, "unknown"),
    (errors.SlotLostError(3), 503, "unavailable", 1, "unknown"),
    (errors.StorageUnavailableError(INTERNALS), 503, "unavailable", 1, "unknown"),
    (errors.RemovalUnknownError(INTERNALS), 503, "unavailable", 1, "unknown"),
    (errors.StorageMismatchError([INTERNALS]), 503, "unavailable", 1, "unknown"),
    (errors.StorageConflictError(INTERNALS), 503, "unavailable", 1, "unknown"),
    (errors.StorageFullError(INTERNALS), 507, "full", 10, "unknown"),
    (errors.JournalUnavailableError(INTERNALS), 503, "unavailable", 1, "unknown"),
    (errors.JournalMismatchError("cleanup.policy", INTERNALS, "compact"), 503, "unavailable", 1, "unknown"),
    (errors.JournalReplacedError(INTERNALS), 503, "unavailable", 1, "unknown"),
    (errors.OutOfRangeError(3), 503, "unavailable", 1, "unknown"),
]


def tree(root: type[errors.FactorsvcError] = errors.FactorsvcError) -> Iterator[type[errors.FactorsvcError]]:
    """All classes of the service's own tree."""
    yield root
    for branch in root.__subclasses__():
        if branch.__module__.startswith("factorsvc."):
            yield from tree(branch)


def test_the_table_has_every_error_that_can_be_raised() -> None:
    """A new error without a problem, or without an example here, fails."""
    concrete = set(tree()) - ABSTRACT
    assert concrete == set(KINDS)
    assert concrete == {type(error) for error, *_ in EXAMPLES}


def test_a_type_has_one_meaning() -> None:
    """Problems of one type have one status and one title."""
    meanings = {(kind.type, kind.status, kind.title) for kind in KINDS.values()}
    assert len(meanings) == len({kind.type for kind in KINDS.values()})


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("example", EXAMPLES, ids=[type(error).__name__ for error, *_ in EXAMPLES])
async def test_each_error_of_a_use_case_is_its_problem(
    method: str, example: tuple[errors.FactorsvcError, int, str, int | None, str | None]
) -> None:
    """Status, type, Retry-After, and for a POST the outcome in problem and header (P8), for each error of the tree."""
    error, status, slug, retry_after_s, outcome = example
    replica = StubReplica()
    replica.failure = error
    target = "/values" if method == "POST" else "/values/5"
    response = await ask(an_app(replica), method, target, content="[5]" if method == "POST" else None)
    problem = response.json()
    outcome = outcome if method == "POST" else None
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:factorsvc:problem:{slug}"
    assert response.headers.get("retry-after") == (None if retry_after_s is None else str(retry_after_s))
    assert response.headers.get("x-factorsvc-outcome") == problem.get("outcome") == outcome
    assert set(problem) == {"type", "title", "status", "detail"} | ({"outcome"} if outcome else set())
    assert "redis" not in response.text
    assert "NOAUTH" not in response.text


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", "/values", "POST"),
        ("DELETE", "/values", "POST"),
        ("POST", "/values/5", "GET"),
        ("PUT", "/values/5", "GET"),
        ("POST", "/healthz", "GET"),
        ("OPTIONS", "/cluster", "GET"),
        ("FROB", "/metrics", "GET"),
    ],
)
async def test_another_method_is_refused_with_those_allowed(method: str, target: str, allow: str) -> None:
    """405 says in Allow what the path has."""
    response = await ask(an_app(), method, target)
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:factorsvc:problem:method-not-allowed"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_a_problem(method: str) -> None:
    """404 is a problem like any other, and does not repeat the path."""
    response = await ask(an_app(), method, "/nothing/here?x=%3Cscript%3E")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert "nothing/here" not in response.text
    assert "script" not in response.text


@pytest.mark.parametrize(("method", "outcome"), [("GET", None), ("POST", "unknown")])
async def test_a_defect_tells_nothing_of_itself(method: str, outcome: str | None) -> None:
    """What nobody expected is a 500 without a detail; after a POST the outcome is unknown. No retry is promised."""
    replica = StubReplica()
    replica.failure = ZeroDivisionError(INTERNALS)
    target = "/values" if method == "POST" else "/values/5"
    response = await ask(an_app(replica), method, target, content="[5]" if method == "POST" else None)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:factorsvc:problem:internal"
    assert response.json().get("outcome") == response.headers.get("x-factorsvc-outcome") == outcome
    assert "retry-after" not in response.headers
    assert "ZeroDivision" not in response.text
    assert "NOAUTH" not in response.text


async def test_a_defect_goes_on_to_the_server() -> None:
    """The answer hides a defect from the client only: the server gets it, and logs it."""
    replica = StubReplica()
    replica.failure = ZeroDivisionError()
    app: ASGIApp = an_app(replica)
    seen: list[BaseException] = []

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ZeroDivisionError as defect:
            seen.append(defect)

    await ask(server, "GET", "/values/5")
    assert seen == [replica.failure]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET /values/5 HTTP/9.9\r\n\r\n",
        b"POST /values HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /values HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
    ],
)
async def test_what_is_no_request_is_a_problem_too(request_bytes: bytes) -> None:
    """Over a socket: it reaches no application, and its answer ends the connection (RFC 9112 2.2)."""
    async with serving(an_app()) as port, connected(port) as (reader, writer):
        writer.write(request_bytes)
        head, body = (await reader.read()).split(b"\r\n\r\n", 1)
    status, *lines = head.decode().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(body)
    assert json.loads(body)["type"] == "urn:factorsvc:problem:malformed-request"


@pytest.mark.parametrize("number", [10**80, 10**1000 + 7, -(10**4000)])
def test_a_long_number_is_shortened(number: int) -> None:
    """A number beyond 256 bits stands in a problem with its ends only."""
    problem = json.loads(bytes(answer_to_error(errors.NotPrimeError(number), "GET").body))
    digits = str(abs(number))
    assert f"{digits[:20]}...{digits[-20:]} ({len(digits)} digits)" in problem["detail"]
    assert len(problem["detail"]) < 100


@pytest.mark.parametrize("character", ["x", "\N{SNOWMAN}", "\N{GRINNING FACE}", "\x00", '"'])
def test_a_problem_stays_below_4_kib(character: str) -> None:
    """However long a reason is, and however it must be escaped."""
    assert len(answer_to_error(errors.NotReadyError(character * 10_000), "POST").body) < 4096
