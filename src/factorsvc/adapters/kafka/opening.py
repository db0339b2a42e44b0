"""To open the journal: everything is made that is missing, checked, and its facts are learnt, by a deadline."""

import asyncio
from collections.abc import Callable
from typing import Final

from factorsvc.adapters.kafka import topics
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Layout
from factorsvc.adapters.kafka.naming import journal_id
from factorsvc.adapters.kafka.topics import NotYetError
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.journal import JournalFacts

_BACKOFF_S: Final = 0.1


class Opening:
    """Opens the journal, and with it the topics of statuses and mail. Repeatable."""

    def __init__(
        self, client: Client, layout: Layout, random_bytes: Callable[[int], bytes], *, timeout_s: float = 10.0
    ) -> None:
        """Ask through `client`; what is not ready within about `timeout_s` counts as unavailable."""
        self._client = client
        self._layout = layout
        self._random_bytes = random_bytes
        self._timeout_s = timeout_s

    async def open(self) -> JournalFacts:
        """Return the facts of the journal, as `factorsvc.domain.ports.journal.Journal` promises."""
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout_s
        while True:
            try:
                return await self._try_to_open()
            except NotYetError as error:
                if now() + _BACKOFF_S >= deadline:
                    raise JournalUnavailableError(str(error)) from error
            await asyncio.sleep(_BACKOFF_S)

    async def _try_to_open(self) -> JournalFacts:
        client, wanted = self._client, self._layout.topics
        journal = self._layout.journal.name
        await topics.make(client, wanted, self._layout.replication_factor)
        leaders = await topics.leaders_of(client, wanted)
        retentions = await topics.check_settings(client, wanted)
        found = await journal_id(client, journal, leaders[journal][0], self._random_bytes)
        return JournalFacts(found, retentions[journal])
