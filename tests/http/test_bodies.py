"""The limit of a body acts while it is read: chunked or announced, and with a real server in front."""

import pytest

from factorsvc.entrypoints.http.api import HttpLimits
from tests.http.asking import Client, a_scope, connected, serving
from tests.http.replica_stub import StubReplica, an_app

LIMITS = HttpLimits(max_body_bytes=100)


@pytest.mark.parametrize("announced", [b"101", b"0101", b"1" * 30, b"9" * 5000])
async def test_a_body_announced_as_too_large_is_not_read(announced: bytes) -> None:
    """413 before the first byte is asked for, so that a client that waits for "100 Continue" never sends it."""
    client = Client(b"[5]")
    await an_app(limits=LIMITS)(
        a_scope("POST", "/values", [(b"content-length", announced)]), client.receive, client.send
    )
    assert client.status == 413
    assert client.given == 0


@pytest.mark.parametrize("announced", [b"100", b"00000000000000000000000003", b"", b"x", "\u00b2".encode("latin-1")])
async def test_any_other_announcement_decides_nothing(announced: bytes) -> None:
    """What is really there is counted: a server checks the header, and we do not trip over it."""
    client = Client(b"[5]")
    await an_app(limits=LIMITS)(
        a_scope("POST", "/values", [(b"content-length", announced)]), client.receive, client.send
    )
    assert client.status == 200


async def test_a_body_without_a_length_is_read_to_the_limit_and_no_further() -> None:
    """Of an endless body just the chunk that is too much is taken."""
    client = Client(*[b" " * 30] * 50, ends=False)
    await an_app(limits=LIMITS)(a_scope("POST", "/values"), client.receive, client.send)
    assert client.status == 413
    assert client.given == 4


async def test_a_body_in_pieces_is_one_body() -> None:
    """Where a chunk ends says nothing; exactly the limit is within it."""
    replica = StubReplica()
    client = Client(b"", b"[1", b"2,", b"", b"3]", b" " * 93)
    await an_app(replica, LIMITS)(a_scope("POST", "/values"), client.receive, client.send)
    assert client.status == 200
    assert replica.stored == [([12, 3], None)]


async def test_a_body_that_breaks_off_stores_nothing() -> None:
    """A client that goes away in the middle is no defect, and what came of its body is not used."""
    replica = StubReplica()
    client = Client(b"[5]", ends=False)
    client.hang_up()
    await an_app(replica, LIMITS)(a_scope("POST", "/values"), client.receive, client.send)
    assert client.status == 400
    assert replica.stored == []


async def test_a_server_refuses_an_endless_chunked_body_while_it_comes() -> None:
    """Over a socket: 413 although the body has not ended, and never will."""
    replica = StubReplica()
    async with serving(an_app(replica)) as port, connected(port) as (reader, writer):
        writer.write(b"POST /values HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    assert replica.stored == []


async def test_a_server_takes_a_chunked_body() -> None:
    """Over a socket: chunks are no obstacle within the limit."""
    replica = StubReplica()
    async with serving(an_app(replica)) as port, connected(port) as (reader, writer):
        writer.write(b"POST /values HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"2\r\n[1\r\n3\r\n20]\r\n0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    assert replica.stored == [([120], None)]


async def test_a_server_does_not_invite_a_body_that_is_too_large() -> None:
    """Over a socket: the first line to a client that expects "100 Continue" is the refusal."""
    async with serving(an_app()) as port, connected(port) as (reader, writer):
        writer.write(b"POST /values HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
