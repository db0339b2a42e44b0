"""One replica's whole access to the brokers."""

import asyncio
from abc import abstractmethod
from typing import Protocol

from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.ports.mailbox import Mailbox
from factorsvc.domain.ports.placement import PlacementGroup
from factorsvc.domain.ports.statuses import StatusLog


class Part(Protocol):
    """What has connections of its own."""

    @abstractmethod
    async def close(self) -> None:
        """Close them: what is under way gets no answer, and nothing is sent any more. Idempotent, bounded in time."""


class JournalPart(Journal, Part, Protocol):
    """A journal that can be closed."""


class PlacementPart(PlacementGroup, Part, Protocol):
    """A placement group that can be closed, which leaves it as a crash would."""


class StatusPart(StatusLog, Part, Protocol):
    """A status log that can be closed."""


class MailPart(Mailbox, Part, Protocol):
    """A mailbox that can be closed."""


class KafkaBus(ClusterBus):
    """Four parts, none of which knows another: each has connections of its own, as no call is to wait for another's."""

    def __init__(self, journal: JournalPart, placement: PlacementPart, statuses: StatusPart, mailbox: MailPart) -> None:
        """Put together what has been made for one replica."""
        self.journal: Journal = journal
        self.placement: PlacementGroup = placement
        self.statuses: StatusLog = statuses
        self.mailbox: Mailbox = mailbox
        self._parts: tuple[Part, ...] = (journal, placement, statuses, mailbox)

    async def close(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(part.close(), name="close a part of the bus")
