"""GET /values/{prime_factor}, row by row of design 10."""

import pytest

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import NotPrimeError
from factorsvc.entrypoints.http.api import HttpLimits
from tests.http.asking import ask
from tests.http.replica_stub import StubReplica, an_app

MERSENNE = 2**127 - 1


async def test_the_example_of_the_design_is_answered_to_the_byte() -> None:
    """The answer to design 1's request is its body."""
    replica = StubReplica()
    replica.answer = Answer([b"120 2,2,2,3,5"])
    response = await ask(an_app(replica), "GET", "/values/5")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.content == b'[{"value":120,"prime_factors":[2,2,2,3,5]}]'
    assert replica.found == [5]


@pytest.mark.parametrize(
    ("pages", "values"),
    [([], []), ([b"10 2,5\n15 3,5"], [10, 15]), ([b"10 2,5", b"15 3,5\n5 5", b"20 2,2,5"], [10, 15, 5, 20])],
    ids=["nothing stored", "one page", "pages"],
)
async def test_joins_all_pages(pages: list[bytes], values: list[int]) -> None:
    """All members of all pages are one array; a prime that nobody stored gives an empty one."""
    replica = StubReplica()
    replica.answer = Answer(pages)
    assert [entity["value"] for entity in (await ask(an_app(replica), "GET", "/values/5")).json()] == values


@pytest.mark.parametrize("prime", [2, 3, MERSENNE, 2**256 - 189])
async def test_asks_for_what_the_path_says(prime: int) -> None:
    """A number of up to 256 bits is given to the use case, which tests whether it is a prime."""
    replica = StubReplica()
    assert (await ask(an_app(replica), "GET", f"/values/{prime}")).status_code == 200
    assert replica.found == [prime]


@pytest.mark.parametrize(("path", "prime"), [("%35", 5), ("5?ttl=x", 5), ("5?", 5)])
async def test_reads_the_path_as_http_does(path: str, prime: int) -> None:
    """Escaped digits are digits, and a query is none of a GET's business."""
    replica = StubReplica()
    assert (await ask(an_app(replica), "GET", f"/values/{path}")).status_code == 200
    assert replica.found == [prime]


@pytest.mark.parametrize("number", [0, 1, 4, 561, MERSENNE + 2])
async def test_what_is_no_prime_is_refused(number: int) -> None:
    """NotPrimeError of the use case, for 0, 1 and composites, is a 422 that names the number."""
    replica = StubReplica()
    replica.failure = NotPrimeError(number)
    response = await ask(an_app(replica), "GET", f"/values/{number}")
    assert response.status_code == 422
    assert response.json()["type"] == "urn:factorsvc:problem:not-prime"
    assert response.json()["detail"] == f"{number} is not a prime"


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("-1", "not-prime"),
        ("-5", "not-prime"),
        ("3.0", "not-an-integer"),
        ("1e2", "not-an-integer"),
        ("+5", "not-an-integer"),
        ("%205", "not-an-integer"),
        ("5%20", "not-an-integer"),
        ("5%0A", "not-an-integer"),
        ("05", "not-an-integer"),
        ("1_1", "not-an-integer"),
        ("0x5", "not-an-integer"),
        ("%D9%A3", "not-an-integer"),
        ("%FF", "not-an-integer"),
        ("five", "not-an-integer"),
        ("true", "not-an-integer"),
        ("-", "not-an-integer"),
        (str(2**256), "number-too-large"),
        (str(-(2**256)), "number-too-large"),
        ("9" * 4000, "number-too-large"),
        ("-" + "9" * 4000, "number-too-large"),
        ("9" * 60_000, "number-too-large"),
    ],
)
async def test_what_cannot_be_a_prime_is_refused_without_a_test(path: str, slug: str) -> None:
    """Text, negatives, and numbers beyond the limit never reach the use case, and are not repeated at length."""
    replica = StubReplica()
    response = await ask(an_app(replica), "GET", f"/values/{path}")
    assert response.status_code == 422
    assert response.json()["type"] == f"urn:factorsvc:problem:{slug}"
    assert len(response.content) < 4096
    assert replica.found == []


async def test_the_limit_of_bits_can_be_configured() -> None:
    """The same limit holds for numbers and primes."""
    app = an_app(limits=HttpLimits(max_bits=8))
    assert (await ask(app, "GET", "/values/251")).status_code == 200
    assert (await ask(app, "GET", "/values/257")).json()["type"].endswith("number-too-large")


@pytest.mark.parametrize("path", ["/values/", "/values/5/", "/values/5/6", "/values/%2F", "/value", "/", "//values/5"])
async def test_other_paths_are_not_there(path: str) -> None:
    """Nothing redirects: a path is right or it is a 404."""
    response = await ask(an_app(), "GET", path)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:factorsvc:problem:not-found"
