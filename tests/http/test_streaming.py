"""Answers whose pages are pulled: sent as they are taken, whole or visibly broken off, and always closed (P9)."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
import pytest

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import NotCoveredError
from factorsvc.entrypoints.http.json_answers import AnswerBrokenOffError
from tests.http.asking import Client, a_scope, ask, connected, serving
from tests.http.replica_stub import StubReplica, an_app

GET = b"GET /values/5 HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Pages:
    """A source of pages that says how far it was pulled and whether it is closed."""

    def __init__(self, *pages: bytes, then: Exception | None = None, waits: bool = False) -> None:
        self._pages = pages
        self._then = then
        self._waits = waits
        self.pulled = 0
        self.closed = asyncio.Event()

    async def more(self) -> AsyncGenerator[bytes, None]:
        try:
            for page in self._pages:
                self.pulled += 1
                yield page
            if self._then is not None:
                raise self._then
            if self._waits:
                await asyncio.Event().wait()
        finally:
            self.closed.set()


def a_replica(pages: Pages, *first: bytes) -> StubReplica:
    replica = StubReplica()
    replica.answer = Answer(first, pages.more())
    return replica


@pytest.mark.parametrize(
    ("first", "more"),
    [
        ([b"10 2,5"], [b"15 3,5\n5 5", b"20 2,2,5"]),
        ([], [b"10 2,5\n15 3,5", b"5 5\n20 2,2,5"]),
        ([b"10 2,5", b"15 3,5\n5 5\n20 2,2,5"], []),
    ],
)
async def test_pages_in_hand_and_pages_to_come_are_one_array(first: list[bytes], more: list[bytes]) -> None:
    """The array is whole, wherever the pages come from, and the source is closed."""
    pages = Pages(*more)
    response = await ask(an_app(a_replica(pages, *first)), "GET", "/values/5")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert "content-length" not in response.headers
    assert [entity["value"] for entity in response.json()] == [10, 15, 5, 20]
    assert pages.closed.is_set()


async def test_nothing_at_all_is_an_empty_array() -> None:
    """An answer that hoped for more pages and found none is `[]`."""
    assert (await ask(an_app(a_replica(Pages())), "GET", "/values/5")).content == b"[]"


async def test_a_page_is_pulled_only_when_the_client_has_taken_the_last() -> None:
    """While the client does not read, no page is pulled; when it is gone, the source is closed."""
    pages = Pages(*[b"10 2,5"] * 100)
    client = Client(takes=3)
    app = an_app(a_replica(pages))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app(a_scope("GET", "/values/5"), client.receive, client.send))
        for _ in range(4):  # the start and two pages are taken, the third page waits to be
            await client.next_message()
        for _ in range(20):
            await asyncio.sleep(0)
        assert pages.pulled == 3
        client.hang_up()
    assert pages.closed.is_set()
    assert pages.pulled == 3


async def test_no_page_is_pulled_for_a_client_that_is_gone() -> None:
    """Pages that are all at hand do not keep the server from seeing that nobody takes them any more."""
    pages = Pages(*[b"10 2,5"] * 1000)
    client = Client()
    app = an_app(a_replica(pages))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app(a_scope("GET", "/values/5"), client.receive, client.send))
        for _ in range(4):
            await client.next_message()
        client.hang_up()
    assert pages.closed.is_set()
    assert pages.pulled < 20


async def test_a_client_that_goes_while_the_next_page_is_awaited_closes_the_source() -> None:
    """The pull is cancelled, the source closed, and nothing is sent after that."""
    pages = Pages(b"10 2,5", waits=True)
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(an_app(a_replica(pages))(a_scope("GET", "/values/5"), client.receive, client.send))
        for _ in range(2):
            await client.next_message()
        client.hang_up()
    assert pages.closed.is_set()
    assert not client.body.endswith(b"]")


async def test_a_client_that_is_gone_already_closes_the_source() -> None:
    """A source that the use case had begun is closed even if not a byte can be sent."""
    pages = Pages(b"10 2,5", b"15 3,5")
    replica = a_replica(pages)
    assert replica.answer.more is not None
    await anext(replica.answer.more)
    client = Client(takes=0)
    client.hang_up()
    await an_app(replica)(a_scope("GET", "/values/5"), client.receive, client.send)
    assert pages.closed.is_set()


async def test_a_server_that_stops_closes_the_source() -> None:
    """A request that is cancelled ends as cancelled, with its source closed."""
    pages = Pages(waits=True)
    client = Client()
    app = an_app(a_replica(pages))
    async with asyncio.TaskGroup() as tasks:
        request = tasks.create_task(app(a_scope("GET", "/values/5"), client.receive, client.send))
        await client.next_message()
        request.cancel()
    assert request.cancelled()
    assert pages.closed.is_set()


@pytest.mark.parametrize("error", [NotCoveredError([3]), ZeroDivisionError()])
async def test_an_answer_that_cannot_go_on_is_never_ended(error: Exception) -> None:
    """The application raises, and no message says that the answer is whole (P5: never a short list)."""
    pages = Pages(b"10 2,5", then=error)
    client = Client()
    with pytest.raises((AnswerBrokenOffError, ZeroDivisionError)):
        await an_app(a_replica(pages))(a_scope("GET", "/values/5"), client.receive, client.send)
    assert client.body == b'[{"value":10,"prime_factors":[2,5]}'
    assert all(message["more_body"] for message in client.sent[1:])
    assert pages.closed.is_set()


async def test_a_server_breaks_the_connection_off() -> None:
    """Over a socket: what was found arrives, then the end of the connection, without the last chunk."""
    pages = Pages(b"10 2,5", then=NotCoveredError([3]))
    async with serving(an_app(a_replica(pages))) as port, connected(port) as (reader, writer):
        writer.write(GET)
        answer = await reader.read()  # until the connection ends
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'{"value":10,"prime_factors":[2,5]}' in answer
    assert not answer.endswith(LAST_CHUNK)
    assert pages.closed.is_set()


async def test_a_client_sees_that_an_answer_is_not_whole() -> None:
    """Over a socket: an ordinary client raises instead of handing out a short list."""
    pages = Pages(b"10 2,5", then=NotCoveredError([3]))
    async with serving(an_app(a_replica(pages))) as port, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://127.0.0.1:{port}/values/5")


async def test_a_server_ends_a_whole_answer_and_keeps_the_connection() -> None:
    """Over a socket: the last chunk comes, and the next request goes over the same connection."""
    async with (
        serving(an_app(a_replica(Pages(b"15 3,5"), b"10 2,5"))) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(GET)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readuntil(LAST_CHUNK)
        assert b"transfer-encoding: chunked" in head.lower()
        chunks = body.split(b"\r\n")[1::2]
        assert [entity["value"] for entity in json.loads(b"".join(chunks))] == [10, 15]
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")


async def test_a_server_closes_the_source_when_its_client_hangs_up() -> None:
    """Over a socket: a client that closes in the middle leaves nothing open."""
    pages = Pages(b"10 2,5", waits=True)
    async with serving(an_app(a_replica(pages))) as port:
        async with connected(port) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"[2,5]}")
            assert not pages.closed.is_set()
        await pages.closed.wait()


async def test_a_server_holds_no_more_than_its_buffers_for_a_client_that_does_not_read() -> None:
    """Over a socket: of a gigabyte only what fits into the buffers is pulled, however long the client stays."""
    page = b"\n".join([b"10 2,5"] * 100_000)
    pages = Pages(*[page] * 1000)
    async with serving(an_app(a_replica(pages))) as port:
        async with connected(port) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            assert (await ask(an_app(), "GET", "/healthz")).status_code == 200
            assert pages.pulled < 100
        await pages.closed.wait()
    assert pages.pulled < 100
