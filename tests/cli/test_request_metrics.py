"""What is counted of requests: few words, whatever a client sends, and how an answer ended."""

import pytest
from starlette.types import Receive, Scope, Send

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import NotCoveredError
from factorsvc.entrypoints.http.json_answers import AnswerBrokenOffError
from factorsvc.entrypoints.request_metrics import BROKEN_OFF, CLIENT_GONE, MeasuredRequests
from tests.http.asking import Client, a_scope, ask
from tests.http.replica_stub import StubReplica, an_app
from tests.http.test_streaming import Pages


class Observed:
    """The application, measured."""

    def __init__(self) -> None:
        self.replica = StubReplica()
        self.seen: list[tuple[str, str, str]] = []
        self.seconds: list[float] = []
        self.app = MeasuredRequests(an_app(self.replica), self._observe)

    def _observe(self, method: str, route: str, outcome: str, seconds: float) -> None:
        self.seen.append((method, route, outcome))
        self.seconds.append(seconds)


@pytest.mark.parametrize(
    ("method", "target", "seen"),
    [
        ("GET", "/values/5", ("GET", "/values/{prime_factor}", "200")),
        ("GET", "/values/x/y", ("GET", "/values/{prime_factor}", "404")),
        ("POST", "/values?ttl=1", ("POST", "/values", "400")),
        ("GET", "/readyz", ("GET", "/readyz", "200")),
        ("GET", "/secret", ("GET", "other", "404")),
        ("TRACE", "/values", ("other", "/values", "405")),
    ],
)
async def test_a_request_is_counted_under_few_names(method: str, target: str, seen: tuple[str, str, str]) -> None:
    """A series is kept for each combination for ever, so no client may make up new ones."""
    observed = Observed()
    await ask(observed.app, method, target)
    assert observed.seen == [seen]
    assert observed.seconds[0] >= 0


async def test_every_route_of_the_application_has_a_name() -> None:
    """A route that is added is counted under its own name, not among the others."""
    observed = Observed()
    for path in an_app().openapi()["paths"]:
        if path != "/cluster/events":  # has no end
            await ask(observed.app, "GET", path)
    assert "other" not in {route for _, route, _ in observed.seen}


async def test_an_answer_that_is_broken_off_is_not_counted_as_a_success() -> None:
    """Its status was sent already."""
    observed = Observed()
    observed.replica.answer = Answer((), Pages(b"10 2,5", then=NotCoveredError([1])).more())
    client = Client()
    with pytest.raises(AnswerBrokenOffError):
        await observed.app(a_scope("GET", "/values/5"), client.receive, client.send)
    assert observed.seen == [("GET", "/values/{prime_factor}", BROKEN_OFF)]


async def test_a_client_that_goes_away_is_no_failure_of_the_server() -> None:
    """It has hung up before it was answered."""

    async def gives_up(_scope: Scope, receive: Receive, _send: Send) -> None:
        assert (await receive())["type"] == "http.request"

    seen: list[str] = []
    client = Client()
    app = MeasuredRequests(gives_up, lambda _method, _route, outcome, _seconds: seen.append(outcome))
    await app(a_scope("GET", "/values/5"), client.receive, client.send)
    assert seen == [CLIENT_GONE]


async def test_what_is_no_request_is_passed_on_uncounted() -> None:
    """A server may speak of its lifespan."""
    scopes: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        scopes.append(scope)

    seen: list[str] = []
    client = Client()
    measured = MeasuredRequests(app, lambda _method, _route, outcome, _seconds: seen.append(outcome))
    await measured({"type": "lifespan"}, client.receive, client.send)
    assert (scopes, seen) == ([{"type": "lifespan"}], [])
