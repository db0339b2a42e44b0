"""Requests about single partitions of a topic, each put to whoever leads that partition."""

import asyncio
from typing import Any, Final

from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.protocol.api import Request

from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.topics import Leaders, NotYetError, leaders_of, require
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError

_BACKOFF_S: Final = 0.05
OUT_OF_RANGE: Final = OffsetOutOfRangeError.errno


class Talk:
    """One topic of statuses or mail, as it is reached over one client."""

    def __init__(self, client: Client, topic: Topic, *, timeout_s: float = 2.0) -> None:
        """Ask over `client`, which is closed with this; `timeout_s` is for a leader to be found."""
        self.name = topic.name
        self._client = client
        self._topic = topic
        self._timeout_s = timeout_s
        self._leaders: Leaders | None = None

    async def ask(self, partition: int, request: Request[Any]) -> tuple[Any, ...]:
        """Put `request`, which is about `partition` alone, to its leader, and return what the answer says of it.

        Its second field is an error code: of errors only `OUT_OF_RANGE` is returned. Who says that he is no leader has
        done nothing, so another one is asked; what is in doubt is not asked twice.

        Raises:
            JournalUnavailableError: no answer in time, or a refusal.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout_s
        while True:
            try:
                return await self._try(partition, request)
            except NotYetError as error:
                if now() + _BACKOFF_S >= deadline:
                    raise JournalUnavailableError(str(error)) from error
            await asyncio.sleep(_BACKOFF_S)

    def close(self) -> None:
        """Close the client: nobody is answered any more. Idempotent."""
        self._client.close()

    async def _try(self, partition: int, request: Request[Any]) -> tuple[Any, ...]:
        try:
            answer = await self._client.ask(request, await self._leader(partition))
            ((_, (found,)),) = answer.topics
            if found[1] != OUT_OF_RANGE:
                require(found[1], f"to ask for partition {partition} of {self.name}")
        except (NotYetError, JournalUnavailableError):
            self._leaders = None
            raise
        return tuple(found)

    async def _leader(self, partition: int) -> int:
        leaders = self._leaders
        if leaders is None:
            try:
                leaders = (await leaders_of(self._client, [self._topic]))[self.name]
            except JournalMismatchError as error:
                raise JournalUnavailableError(str(error)) from error
            self._leaders = leaders
        return leaders[partition]
