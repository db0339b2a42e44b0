"""One replica's whole access to the broker in memory."""

from collections.abc import Callable

from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.connection import Connection
from factorsvc.adapters.memory.journal import MemoryJournal
from factorsvc.adapters.memory.link import Link
from factorsvc.adapters.memory.mailbox import MemoryMailbox
from factorsvc.adapters.memory.placement import MemoryPlacementGroup
from factorsvc.adapters.memory.status_log import MemoryStatusLog
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.journal import Journal
from factorsvc.domain.ports.mailbox import Mailbox
from factorsvc.domain.ports.placement import PlacementGroup
from factorsvc.domain.ports.statuses import StatusLog


class MemoryBus(ClusterBus):
    """A bus for one replica; those of one process share a `MemoryCluster`."""

    def __init__(
        self,
        cluster: MemoryCluster,
        make_link: Callable[[], Link],
        *,
        classes: int,
        random_bytes: Callable[[int], bytes],
        request_timeout_s: float = 2.0,
        batch_records: int = 1_000,
    ) -> None:
        """Reach `cluster` over links from `make_link`, one for each kind of call, as the real clients have sockets.

        No answer within `request_timeout_s` counts as none. Small `batch_records` make long appends fail in parts.
        """
        self._connections: list[Connection] = []

        def connect() -> Connection:
            self._connections.append(Connection(cluster, make_link(), request_timeout_s))
            return self._connections[-1]

        self.journal: Journal = MemoryJournal(
            cluster.journal, connect, classes=classes, random_bytes=random_bytes, batch_records=batch_records
        )
        self.placement: PlacementGroup = MemoryPlacementGroup(cluster.coordinator, connect())
        self.statuses: StatusLog = MemoryStatusLog(cluster.statuses, connect(), connect())
        self.mailbox: Mailbox = MemoryMailbox(cluster.mail, connect(), connect())

    async def close(self) -> None:
        for connection in self._connections:
            connection.close()
