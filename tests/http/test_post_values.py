"""POST /values, row by row of design 10: what is stored, what is refused, and with which problem."""

import json

import pytest

from factorsvc.domain.errors import FactoringTimeoutError
from factorsvc.entrypoints.http.api import HttpLimits
from tests.http.asking import ask
from tests.http.replica_stub import StubReplica, an_app

LARGEST = 2**256 - 1
CENTURY_S = 100 * 365 * 24 * 3600


async def test_the_example_of_the_design_is_answered_to_the_byte() -> None:
    """The answer to design 1's request is its body, and the use case gets numbers and ttl."""
    replica = StubReplica()
    response = await ask(
        an_app(replica), "POST", "/values?ttl=300", content="[144,120]", headers={"content-type": "application/json"}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.content == (
        b'[{"value":144,"prime_factors":[2,2,2,2,3,3]},{"value":120,"prime_factors":[2,2,2,3,5]}]'
    )
    assert replica.stored == [([144, 120], 300)]


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ("[]", []),
        (" [ 5 ,\n\t6\r]\n", [5, 6]),
        ("[1]", [1]),
        ("[7, 7, 3, 7]", [7, 7, 3, 7]),
        (f"[{LARGEST}]", [LARGEST]),
        (json.dumps(list(range(1, 10_001))), list(range(1, 10_001))),
    ],
    ids=["empty", "white space", "one", "duplicates", "256 bits", "10 000 numbers"],
)
async def test_stores_integers_in_the_order_given(body: str, numbers: list[int]) -> None:
    """Arrays of integers >= 1 are stored as they are, and answered in their order, duplicates included."""
    replica = StubReplica()
    response = await ask(an_app(replica), "POST", "/values", content=body)
    assert response.status_code == 200
    assert [entity["value"] for entity in response.json()] == numbers
    assert replica.stored == [(numbers, None)]


async def test_one_has_no_prime_factors() -> None:
    """1 is stored, with an empty list of factors."""
    response = await ask(an_app(), "POST", "/values", content="[1]")
    assert response.content == b'[{"value":1,"prime_factors":[]}]'


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        pytest.param("[0]", 422, "invalid-number", id="zero"),
        pytest.param("[-0]", 422, "invalid-number", id="minus zero"),
        pytest.param("[-5]", 422, "invalid-number", id="negative"),
        pytest.param("[true]", 422, "invalid-number", id="true"),
        pytest.param("[false]", 422, "invalid-number", id="false"),
        pytest.param("[3.5]", 422, "invalid-number", id="float"),
        pytest.param("[3.0]", 422, "invalid-number", id="whole float"),
        pytest.param("[1e2]", 422, "invalid-number", id="exponent"),
        pytest.param("[1E400]", 422, "invalid-number", id="infinite float"),
        pytest.param('["3"]', 422, "invalid-number", id="string"),
        pytest.param("[null]", 422, "invalid-number", id="null"),
        pytest.param("[[3]]", 422, "invalid-number", id="nested array"),
        pytest.param('[{"value":3}]', 422, "invalid-number", id="object in array"),
        pytest.param("[2, 3, 0, 5]", 422, "invalid-number", id="one bad among good"),
        pytest.param("[-" + "9" * 4000 + "]", 422, "invalid-number", id="long negative"),
        pytest.param(f"[{LARGEST + 1}]", 422, "number-too-large", id="257 bits"),
        pytest.param("[" + "9" * 4000 + "]", 422, "number-too-large", id="4 000 digits"),
        pytest.param("[" + "9" * 1_000_000 + "]", 422, "number-too-large", id="1 000 000 digits"),
        pytest.param("3", 422, "not-an-array", id="a number"),
        pytest.param("9" * 1_000_000, 422, "not-an-array", id="1 000 000 digits without an array"),
        pytest.param("3.5", 422, "not-an-array", id="a float"),
        pytest.param("null", 422, "not-an-array", id="null alone"),
        pytest.param("true", 422, "not-an-array", id="true alone"),
        pytest.param('"[3]"', 422, "not-an-array", id="a string"),
        pytest.param('{"numbers":[3]}', 422, "not-an-array", id="an object"),
        pytest.param("", 400, "malformed-body", id="no body"),
        pytest.param("[3", 400, "malformed-body", id="unclosed"),
        pytest.param("[3,]", 400, "malformed-body", id="trailing comma"),
        pytest.param("[3] [4]", 400, "malformed-body", id="two documents"),
        pytest.param("[+3]", 400, "malformed-body", id="plus sign"),
        pytest.param("[03]", 400, "malformed-body", id="leading zero"),
        pytest.param("[0x10]", 400, "malformed-body", id="hexadecimal"),
        pytest.param("[1_000]", 400, "malformed-body", id="underscore"),
        pytest.param("[NaN]", 400, "malformed-body", id="NaN"),
        pytest.param("[Infinity]", 400, "malformed-body", id="Infinity"),
        pytest.param("[-Infinity]", 400, "malformed-body", id="-Infinity"),
        pytest.param("[\u0663]", 400, "malformed-body", id="digits of another script"),
        pytest.param("\ufeff[3]", 400, "malformed-body", id="byte order mark"),
        pytest.param("[3]".encode("utf-16"), 400, "malformed-body", id="UTF-16"),
        pytest.param(b'["\xff"]', 400, "malformed-body", id="not UTF-8"),
        pytest.param("[" * 500_000, 400, "malformed-body", id="nested without end"),
        pytest.param("[" * 100_000 + "]" * 100_000, 400, "malformed-body", id="nested too deeply"),
        pytest.param(json.dumps([1] * 10_001), 413, "batch-too-large", id="10 001 numbers"),
        pytest.param(json.dumps([None] * 10_001), 413, "batch-too-large", id="10 001 of anything"),
        pytest.param("[" + "1.5," * 10_001, 413, "batch-too-large", id="10 001 floats, unclosed"),
        pytest.param("[" + "9" * (1 << 20) + "]", 413, "body-too-large", id="more than 1 MiB"),
    ],
)
async def test_refuses_any_other_body(body: str | bytes, status: int, slug: str) -> None:
    """A body that is not an array of integers >= 1 within the limits is refused before the use case sees it (P8)."""
    replica = StubReplica()
    response = await ask(an_app(replica), "POST", "/values", content=body)
    assert response.status_code == status
    assert response.json()["type"] == f"urn:factorsvc:problem:{slug}"
    assert len(response.content) < 4096
    assert replica.stored == []


@pytest.mark.parametrize(
    ("body", "index"), [("[4,0,true]", 1), ('["3",0]', 0), (f"[4,5,{LARGEST + 1},0]", 2), ("[4," + "9" * 90 + ",0]", 1)]
)
async def test_names_the_first_element_that_is_wrong(body: str, index: int) -> None:
    """The detail says where the trouble is, without repeating what stands there."""
    response = await ask(an_app(), "POST", "/values", content=body)
    assert response.status_code == 422
    assert f"element {index} " in response.json()["detail"]
    assert "9" * 10 not in response.text


@pytest.mark.parametrize(
    ("limits", "fits", "too_much", "slug"),
    [
        (HttpLimits(max_batch=2), "[1,1]", "[1,1,1]", "batch-too-large"),
        (HttpLimits(max_body_bytes=4), "[12]", "[123]", "body-too-large"),
        (HttpLimits(max_bits=10), "[1023]", "[1024]", "number-too-large"),
        (HttpLimits(max_bits=10), "[1023]", "[10000]", "number-too-large"),
    ],
)
async def test_each_limit_can_be_configured(limits: HttpLimits, fits: str, too_much: str, slug: str) -> None:
    """What is just within a limit is stored, what is just beyond gets the limit's own problem."""
    app = an_app(limits=limits)
    assert (await ask(app, "POST", "/values", content=fits)).status_code == 200
    assert (await ask(app, "POST", "/values", content=too_much)).json()["type"].endswith(slug)


@pytest.mark.parametrize(
    ("query", "ttl_s"),
    [
        ("", None),
        ("?", None),
        ("?other=3&TTL=x", None),
        ("?ttl=1", 1),
        ("?ttl=%33", 3),
        (f"?ttl={CENTURY_S}", CENTURY_S),
        ("?other=1&ttl=9&other=2", 9),
    ],
)
async def test_passes_the_ttl_on(query: str, ttl_s: int | None) -> None:
    """A ttl is 1 s to 100 years; without one the values live for ever; other parameters are not ours."""
    replica = StubReplica()
    response = await ask(an_app(replica), "POST", "/values" + query, content="[5]")
    assert response.status_code == 200
    assert replica.stored == [([5], ttl_s)]


@pytest.mark.parametrize(
    "query",
    [
        "ttl=0",
        "ttl=-1",
        "ttl=-0",
        f"ttl={CENTURY_S + 1}",
        "ttl=" + "9" * 5000,
        "ttl=",
        "ttl",
        "ttl=5&ttl=5",
        "ttl=5&ttl=",
        "ttl=3.0",
        "ttl=1e2",
        "ttl=+3",
        "ttl=%2B3",
        "ttl=%203",
        "ttl=3%20",
        "ttl=3%0A",
        "ttl=03",
        "ttl=1_0",
        "ttl=0x10",
        "ttl=%D9%A3",
        "ttl=%FF",
        "ttl=five",
        "ttl=null",
        "ttl=5;ttl=6",
    ],
)
async def test_refuses_any_other_ttl(query: str) -> None:
    """A ttl that is repeated, empty, out of bounds, or not a plain integer is a 422, whatever the body."""
    replica = StubReplica()
    response = await ask(an_app(replica), "POST", "/values?" + query, content="[5]")
    assert response.status_code == 422
    assert response.json()["type"] == "urn:factorsvc:problem:invalid-ttl"
    assert replica.stored == []


@pytest.mark.parametrize(
    "content_type",
    [None, "application/json", "application/json; charset=utf-8", "Application/JSON;charset=x", "application/json ;"],
)
async def test_takes_json_and_what_says_nothing(content_type: str | None) -> None:
    """application/json with any parameters, or no content type at all, is read as JSON."""
    headers = {} if content_type is None else {"content-type": content_type}
    assert (await ask(an_app(), "POST", "/values", content=b"[5]", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/vnd.api+json",
        "json",
        "*/*",
    ],
)
async def test_refuses_any_other_content_type(content_type: str) -> None:
    """Anything else is a 415, before the body is looked at."""
    response = await ask(an_app(), "POST", "/values", content=b"[5", headers={"content-type": content_type})
    assert response.status_code == 415
    assert response.json()["type"] == "urn:factorsvc:problem:unsupported-media-type"


async def test_names_the_number_that_was_too_hard() -> None:
    """Of a request that ran out of time the problem names the number, which is all that it repeats of it."""
    replica = StubReplica()
    hard = (2**127 - 1) * (2**127 + 45)
    replica.failure = FactoringTimeoutError(hard, 10)
    response = await ask(an_app(replica), "POST", "/values", content=f"[3,{hard}]")
    assert response.status_code == 422
    assert response.json()["detail"] == f"{hard} could not be factored within 10 s"
