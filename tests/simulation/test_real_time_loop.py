"""What a node in real time promises beyond one in virtual time: the kernel goes on for it, and cleans up after it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from tests.simulation.node import BrokenOffError
from tests.simulation.real_time_loop import RealTimeLoop, run_in_real_time
from tests.unit.application.replicas import until

HOST = "127.0.0.1"


class Peer:
    """A server that tells what it gets from its one client, whom it can write to."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = asyncio.Event()
        self._writer: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer.set_result(writer)
        while data := await reader.read(100):
            self.got += data
        writer.close()
        self.ended.set()

    async def say(self, data: bytes) -> None:
        (await self._writer).write(data)


@asynccontextmanager
async def a_peer() -> AsyncIterator[tuple[Peer, int]]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, HOST, 0)
    async with server:
        yield peer, server.sockets[0].getsockname()[1]


@contextmanager
def a_busy_server() -> Iterator[int]:
    """A port where connections wait, as all places in the queue are taken."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind((HOST, 0))
        server.listen(0)
        for queued in (first, second):
            queued.setblocking(False)
            queued.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_a_paused_node_buffers_what_comes_and_reads_it_afterwards() -> None:
    """Its sockets are the kernel's meanwhile; timers that came due fire once at the resumption, cancelled ones not."""

    async def main(loop: RealTimeLoop) -> None:
        node, said = loop.node("r1"), list[bytes | str]()

        async def listen(port: int) -> None:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"hello")
            loop.call_later(0.01, said.append, "timer")
            late = loop.call_later(0.01, said.append, "cancelled")
            while data := await reader.readline():
                late.cancel()
                said.append(data)

        async with a_peer() as (peer, port):
            node.start(listen(port))
            await until(lambda: peer.got == b"hello")
            node.pause()
            await peer.say(b"one\ntwo\n")
            await asyncio.sleep(0.05)
            assert said == []
            node.resume()
            await until(lambda: b"two\n" in said)
            assert sorted(map(str, said)) == ["b'one\\n'", "b'two\\n'", "timer"]
            loop.kill(node)
            await peer.ended.wait()

    run_in_real_time(main)


def test_a_killed_node_runs_nothing_any_more_and_its_peers_see_it_go() -> None:
    """Neither a `finally` of it nor a task that it has started; its socket is closed, paused or not."""

    async def main(loop: RealTimeLoop) -> None:
        node, done = loop.node("r1"), list[str]()

        async def talk(port: int) -> None:
            _, writer = await asyncio.open_connection(HOST, port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(60))
                    writer.write(b"hello")
            finally:
                done.append("finally")

        async with a_peer() as (peer, port):
            call = loop.create_task(node.call(talk(port)))
            await until(lambda: peer.got == b"hello")
            node.pause()
            loop.kill(node)
            await peer.ended.wait()
            with pytest.raises(BrokenOffError):
                await call
            assert done == []

    run_in_real_time(main)


def test_a_socket_that_is_being_connected_is_closed_too() -> None:
    """A server that lets nobody in yet does not keep a dead process's socket open."""

    async def main(loop: RealTimeLoop) -> None:
        node = loop.node("r1")
        with a_busy_server() as port:
            node.start(connect(port))
            await until(lambda: loop._sockets)
            (sock,) = loop._sockets
            await asyncio.sleep(0.01)
            loop.kill(node)
            assert sock.fileno() == -1

    async def connect(port: int) -> None:
        await asyncio.open_connection(HOST, port)

    run_in_real_time(main)


def test_a_failure_that_nobody_sees_fails_the_run() -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    async def main(loop: RealTimeLoop) -> None:
        loop.node("r1").start(fail())
        await until(lambda: bool(loop.failures))

    with pytest.raises(ExceptionGroup) as raised:
        run_in_real_time(main)
    assert [str(error) for error in raised.value.exceptions] == ["unseen"]
