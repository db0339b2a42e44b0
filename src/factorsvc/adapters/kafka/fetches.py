"""Requests for what comes next in the journal, one at a time to each broker that leads a class which is read.

A request is asked in a task that outlives the `take` that waits for it: who gives up waiting, or is cancelled, leaves
the answer to the next one. A request for what is not there yet waits at the broker, and holds up all that comes over
the same connection; so there is a client for nothing else, and that is closed for another if something is wanted that
must not wait.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from factorsvc.adapters.kafka.answer import Answer, answer_in
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.errands import Errands
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.topics import Leaders, NotYetError, leaders_of, require
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError

_WAIT_MS: Final = 500
_ANY: Final = 1
_ANSWER_BYTES: Final = 4 * 1024 * 1024
_MOST_OF_A_CLASS_BYTES: Final = 1024 * 1024
_LEAST_OF_A_CLASS_BYTES: Final = 64 * 1024
_ACKNOWLEDGED: Final = 0
_NO_REPLICA: Final = -1
_EARLIEST: Final = -2
_BACKOFF_S: Final = 0.05
_LOOK: Final = -1
"""No broker: in its place stands the task that finds out who leads."""


class Fetches:
    """Fetches for one task, which says what it wants and takes what came."""

    def __init__(self, make_client: Callable[[], Client], topic: Topic) -> None:
        """Fetch from `topic`, over one client of `make_client` after the other."""
        self._make_client = make_client
        self._client = make_client()
        self._topic = topic
        self._is_closed = False
        self._leaders: Leaders | None = None
        self._tasks: dict[int, asyncio.Task[Answer | None]] = {}
        self._errands = Errands()
        self._waiting: set[int] = set()
        """Brokers at which a request may wait."""

    @property
    def tasks(self) -> set[asyncio.Task[Answer | None]]:
        """What is under way: done when there is something to receive. Not to be cancelled."""
        return set(self._tasks.values())

    @property
    def prompt(self) -> set[asyncio.Task[Answer | None]]:
        """Of these, those that a broker in good health answers at once."""
        return {task for node, task in self._tasks.items() if node not in self._waiting}

    def begin(self, positions: Mapping[int, int], *, classes: int, waits: bool) -> None:
        """Ask for these classes, which come in the order of their urgency, from brokers that are not being asked.

        So much is asked for that what comes of all `classes` that are read takes a few megabytes at a time.
        """
        if self._is_closed or not positions:
            return
        if self._leaders is None:
            if not self._tasks:
                self._tasks[_LOOK] = self._errands.begin(self._look(), "journal leaders")
            return
        nodes: dict[int, dict[int, int]] = {}
        for class_id, position in positions.items():
            nodes.setdefault(self._leaders[class_id], {})[class_id] = position
        for node in nodes.keys() - self._tasks.keys():
            if waits:
                self._waiting.add(node)
            share = min(max(_ANSWER_BYTES // classes, _LEAST_OF_A_CLASS_BYTES), _MOST_OF_A_CLASS_BYTES)
            request = self._request(nodes[node], share, _WAIT_MS if waits else 0)
            fetch = self._fetch(self._client, node, request, nodes[node])
            self._tasks[node] = self._errands.begin(fetch, f"fetch from broker {node}")

    def receive(self) -> list[Answer]:
        """Return the answers that have come."""
        done = {key: task for key, task in self._tasks.items() if task.done()}
        for key in done:
            del self._tasks[key]
        self._waiting -= done.keys()
        answers = [(key, task.result()) for key, task in done.items()]
        if any(answer is None for key, answer in answers if key != _LOOK):
            self._leaders = None
        return [answer for _, answer in answers if answer is not None]

    def hurry(self) -> None:
        """Let the next request wait behind none that waits itself."""
        if self._waiting:
            self._drop()
            self._client = self._make_client()

    def renew(self) -> None:
        """Drop all that is under way and all that is known, and go on over new connections."""
        self._drop()
        self._client = self._make_client()
        self._leaders = None

    async def close(self) -> None:
        """End all. Idempotent."""
        self._is_closed = True
        self._drop()
        await self._errands.close()

    def _drop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._waiting.clear()
        self._client.close()

    async def _look(self) -> None:
        try:
            self._leaders = (await leaders_of(self._client, [self._topic]))[self._topic.name]
        except (NotYetError, JournalUnavailableError, JournalMismatchError):
            await asyncio.sleep(_BACKOFF_S)

    def _request(self, asked: Mapping[int, int], class_bytes: int, wait_ms: int) -> FetchRequest:
        wanted = [(self._topic.name, [(class_id, offset, class_bytes) for class_id, offset in asked.items()])]
        return FetchRequest(wait_ms, _ANY, _ANSWER_BYTES, _ACKNOWLEDGED, wanted)

    async def _fetch(self, client: Client, node: int, request: FetchRequest, asked: Mapping[int, int]) -> Answer | None:
        """Ask once; None: there is no answer, or none from who leads."""
        try:
            answer = await client.ask(request, node)
            partitions = [partition for _, of_topic in answer.topics for partition in of_topic]
            rejected = {partition[0] for partition in partitions if partition[1] == OffsetOutOfRangeError.errno}
            moved = await self._beginnings(client, node, [each for each in rejected if not asked[each]])
            return answer_in(asked, partitions, moved, frozenset(rejected - moved.keys()))
        except (NotYetError, JournalUnavailableError):
            await asyncio.sleep(_BACKOFF_S)
            return None

    async def _beginnings(self, client: Client, node: int, classes: Sequence[int]) -> dict[int, int]:
        if not classes:
            return {}
        asked = [(self._topic.name, [(class_id, _EARLIEST) for class_id in classes])]
        answer = await client.ask(OffsetRequest(_NO_REPLICA, _ACKNOWLEDGED, asked), node)
        beginnings = {}
        for _, partitions in answer.topics:
            for class_id, code, _, offset in partitions:
                require(code, f"to find the beginning of class {class_id}")
                beginnings[class_id] = offset
        return beginnings
