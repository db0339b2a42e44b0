"""The port to all that replicas share but Redis: journal, placement, statuses and mailboxes over one message bus."""

from abc import abstractmethod
from typing import Protocol

from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.ports.mailbox import Mailbox
from factorsvc.domain.ports.placement import PlacementGroup
from factorsvc.domain.ports.statuses import StatusLog


class ClusterBus(Protocol):
    """One replica's access to the message bus."""

    journal: Journal
    placement: PlacementGroup
    statuses: StatusLog
    mailbox: Mailbox

    @abstractmethod
    async def close(self) -> None:
        """Close all connections. Appends under way are in doubt. Idempotent, and bounded in time."""
