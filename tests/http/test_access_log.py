"""One line for each request, with what an operator looks for."""

import asyncio
import logging

import pytest

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import NotCoveredError
from factorsvc.entrypoints.http.json_answers import AnswerBrokenOffError
from tests.http.asking import Client, a_scope, ask
from tests.http.replica_stub import StubReplica, an_app
from tests.http.test_streaming import Pages


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What a line says of its request."""
    return {name: getattr(record, name) for name in ("method", "path", "status", "whole")}


async def test_a_request_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Method, path without query, status, milliseconds, and the proxy's id."""
    caplog.set_level(logging.DEBUG, "factorsvc.http")
    await ask(an_app(), "POST", "/values?ttl=x", content="[5]", headers={"x-request-id": "abc-123"})
    (record,) = caplog.records
    assert record.getMessage() == "request"
    assert record.levelno == logging.INFO
    assert fields(record) == {"method": "POST", "path": "/values", "status": 422, "whole": True}
    assert record.__dict__["request_id"] == "abc-123"
    assert record.__dict__["ms"] >= 0


@pytest.mark.parametrize("given", [{}, {"x-request-id": "a b"}, {"x-request-id": "x" * 65}, {"x-request-id": ""}])
async def test_a_request_without_a_plain_id_gets_one(given: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """What a client may have put there does not get into the log."""
    caplog.set_level(logging.INFO, "factorsvc.http")
    for _ in range(2):
        await ask(an_app(), "GET", "/values/5", headers=given)
    first, second = (record.__dict__["request_id"] for record in caplog.records)
    assert len(first) == len(second) == 32
    assert first != second


@pytest.mark.parametrize("target", ["/healthz", "/readyz", "/metrics"])
async def test_probes_are_for_debugging(target: str, caplog: pytest.LogCaptureFixture) -> None:
    """They come all the time and say nothing."""
    caplog.set_level(logging.DEBUG, "factorsvc.http")
    await ask(an_app(), "GET", target)
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]


async def test_a_long_path_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A client cannot fill the log with one request."""
    caplog.set_level(logging.INFO, "factorsvc.http")
    await ask(an_app(), "GET", "/" + "x" * 10_000)
    assert len(caplog.records[0].__dict__["path"]) == 200


async def test_a_defect_is_logged_as_what_the_client_got(caplog: pytest.LogCaptureFixture) -> None:
    """The 500 is made further out than the log."""
    caplog.set_level(logging.INFO, "factorsvc.http")
    replica = StubReplica()
    replica.failure = ZeroDivisionError()
    assert (await ask(an_app(replica), "GET", "/values/5")).status_code == 500
    assert fields(caplog.records[0]) == {"method": "GET", "path": "/values/5", "status": 500, "whole": False}


async def test_an_answer_that_was_broken_off_shows_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The status was sent already; that the answer is not whole is what tells."""
    caplog.set_level(logging.INFO, "factorsvc.http")
    replica = StubReplica()
    replica.answer = Answer((), Pages(b"10 2,5", then=NotCoveredError([1])).more())
    client = Client()
    with pytest.raises(AnswerBrokenOffError):
        await an_app(replica)(a_scope("GET", "/values/5"), client.receive, client.send)
    assert fields(caplog.records[0]) == {"method": "GET", "path": "/values/5", "status": 200, "whole": False}


async def test_a_request_that_is_cancelled_is_logged_without_a_status(caplog: pytest.LogCaptureFixture) -> None:
    """A server that stops leaves a line for what it stopped."""
    caplog.set_level(logging.INFO, "factorsvc.http")
    replica = StubReplica()
    replica.held = asyncio.Event()
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        request = tasks.create_task(an_app(replica)(a_scope("GET", "/values/5"), client.receive, client.send))
        await replica.entered.acquire()
        request.cancel()
    assert fields(caplog.records[0]) == {"method": "GET", "path": "/values/5", "status": None, "whole": False}
