"""The read index: where each class ends, as a broker knows after it was asked (design 9).

Whoever asks while a request is under way takes part in the next one, never in that: it may have been answered before
the caller came, and what was acknowledged in between would lie beyond its end. A request is sent when the one before
has been answered, so all who came meanwhile share one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka.protocol.offset import OffsetRequest

from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.errands import Errands
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.leaders import JournalLeaders
from factorsvc.adapters.kafka.topics import NotYetError, require
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError

_NO_REPLICA: Final = -1
_ACKNOWLEDGED: Final = 0
"""The isolation level that answers with the high watermark: below it lies all that `acks=all` was answered for."""
_LATEST: Final = -1
_BACKOFF_S: Final = 0.05


class EndOffsets:
    """Asks over a client of its own: behind a fetch that waits for records an answer would wait too."""

    def __init__(self, client: Client, topic: Topic, *, timeout_s: float = 2.0) -> None:
        """Ask for the partitions of `topic`; no answer within `timeout_s` counts as none."""
        self._client = client
        self._topic = topic
        self._timeout_s = timeout_s
        self._leaders = JournalLeaders(client, topic)
        self._errands = Errands()
        self._turn = asyncio.Lock()
        self._is_closed = False
        self._gathering: asyncio.Task[dict[int, int] | str] | None = None
        """The request that is not sent yet."""

    async def ask(self) -> Mapping[int, int]:
        """Return the end of each class, as `factorsvc.domain.ports.journal.Journal` promises.

        Raises:
            JournalUnavailableError: no whole answer came in time.
        """
        if self._is_closed:
            raise JournalUnavailableError("closed")
        if self._gathering is None:
            self._gathering = self._errands.begin(self._round(), "end offsets")
        task = self._gathering
        await asyncio.wait({task}, timeout=self._timeout_s)  # others wait for it too
        if not task.done() or task.cancelled():
            raise JournalUnavailableError("no end offsets in time")
        found = task.result()
        if isinstance(found, str):
            raise JournalUnavailableError(found)
        return found

    async def close(self) -> None:
        """Close the client: no request is answered any more. Idempotent."""
        self._is_closed = True
        self._client.close()
        await self._errands.close()

    async def _round(self) -> dict[int, int] | str:
        """The ends, or why there are none: everybody who would have been told may have gone."""
        async with self._turn:
            self._gathering = None
            now = asyncio.get_running_loop().time
            deadline = now() + self._timeout_s
            while True:
                try:
                    return await self._ask_all()
                except (NotYetError, JournalUnavailableError, JournalMismatchError) as error:
                    self._leaders.forget()
                    if now() + _BACKOFF_S >= deadline:
                        return f"no end offsets: {error}"
                await asyncio.sleep(_BACKOFF_S)

    async def _ask_all(self) -> dict[int, int]:
        nodes = await self._leaders.by_node(range(self._topic.partitions))
        answers = await asyncio.gather(
            *(self._ask_one(node, classes) for node, classes in nodes.items()), return_exceptions=True
        )
        ends: dict[int, int] = {}
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            ends.update(answer)
        if ends.keys() != set(range(self._topic.partitions)) or min(ends.values()) < 0:
            raise NotYetError("an answer that is not whole")
        return ends

    async def _ask_one(self, node: int, classes: Sequence[int]) -> dict[int, int]:
        asked = [(self._topic.name, [(class_id, _LATEST) for class_id in classes])]
        answer = await self._client.ask(OffsetRequest(_NO_REPLICA, _ACKNOWLEDGED, asked), node)
        return dict(_end(partition) for _, partitions in answer.topics for partition in partitions)


def _end(partition: tuple[Any, ...]) -> tuple[int, int]:
    class_id, code, _, offset = partition
    require(code, f"to find the end of class {class_id}")
    return class_id, offset
