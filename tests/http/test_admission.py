"""Overload is refused early, never queued, and never reaches the probes."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import NotCoveredError
from factorsvc.entrypoints.http.admission import Admission
from factorsvc.entrypoints.http.api import HttpLimits
from factorsvc.entrypoints.http.json_answers import AnswerBrokenOffError
from tests.http.asking import Client, a_scope, ask
from tests.http.replica_stub import StubReplica, an_app
from tests.http.test_streaming import Pages

TWO = HttpLimits(max_concurrent=2)


async def test_one_too_many_is_refused_unread_and_room_is_given_back() -> None:
    """With two requests under way the third is a 503 at once; when they have ended, the next is served."""
    replica = StubReplica()
    replica.held = asyncio.Event()
    app = an_app(replica, TWO)
    async with asyncio.TaskGroup() as tasks:
        under_way = [
            tasks.create_task(ask(app, "GET", "/values/5")),
            tasks.create_task(ask(app, "POST", "/values", content="[5]")),
        ]
        for _ in under_way:
            await replica.entered.acquire()
        third = Client(b"[5]")
        await app(a_scope("POST", "/values"), third.receive, third.send)
        assert third.status == 503
        assert third.given == 0
        headers = dict(third.sent[0]["headers"])
        assert headers[b"retry-after"] == b"1"
        assert headers[b"x-factorsvc-outcome"] == b"nothing-stored"
        assert b"urn:factorsvc:problem:overloaded" in third.body
        replica.held.set()
    assert [task.result().status_code for task in under_way] == [200, 200]
    assert (await ask(app, "GET", "/values/5")).status_code == 200


@pytest.mark.parametrize("target", ["/healthz", "/readyz", "/cluster", "/metrics", "/docs", "/openapi.json"])
async def test_probes_pass_while_values_are_refused(target: str) -> None:
    """An overloaded replica is still alive and ready: restarting it would make things worse."""
    app = an_app(limits=HttpLimits(max_concurrent=0))
    assert (await ask(app, "GET", "/values/5")).status_code == 503
    assert (await ask(app, "GET", target)).status_code == 200


@pytest.mark.parametrize("failure", [NotCoveredError([1]), ZeroDivisionError()])
async def test_a_request_that_fails_gives_its_room_back(failure: Exception) -> None:
    """Neither an error nor a defect leaves the count too high."""
    replica = StubReplica()
    app = an_app(replica, HttpLimits(max_concurrent=1))
    replica.failure = failure
    for _ in range(3):
        assert (await ask(app, "GET", "/values/5")).status_code in {500, 503}
    replica.failure = None
    assert (await ask(app, "GET", "/values/5")).status_code == 200


async def test_an_answer_under_way_takes_room_until_it_is_sent() -> None:
    """A long answer counts until its end, broken off or not."""
    replica = StubReplica()
    app = an_app(replica, HttpLimits(max_concurrent=1))
    pages = Pages(b"10 2,5", waits=True)
    replica.answer = Answer((), pages.more())
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app(a_scope("GET", "/values/5"), client.receive, client.send))
        for _ in range(2):
            await client.next_message()
        assert (await ask(app, "GET", "/values/5")).status_code == 503
        client.hang_up()
    replica.answer = Answer((), Pages(then=NotCoveredError([1])).more())
    with pytest.raises(AnswerBrokenOffError):
        await app(a_scope("GET", "/values/5"), client.receive, client.send)
    replica.answer = Answer(())
    assert (await ask(app, "GET", "/values/5")).status_code == 200


async def test_what_is_no_request_passes() -> None:
    """A lifespan has neither path nor limit."""
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    client = Client()
    await Admission(app, 0)({"type": "lifespan"}, client.receive, client.send)
    assert seen == ["lifespan"]
