"""The status log as one replica reaches it."""

from collections.abc import Callable

from factorsvc.adapters.kafka.bus import StatusPart
from factorsvc.adapters.kafka.sender import Sender
from factorsvc.adapters.kafka.statuses import status_bytes, status_in
from factorsvc.adapters.kafka.tail import TailReader
from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.ports.statuses import StatusBatch
from factorsvc.domain.status import Status

_PARTITION = 0


class KafkaStatusLog(StatusPart):
    """Writes over one connection and reads over another. The first take seeks the end."""

    def __init__(self, connect: Callable[[], Talk]) -> None:
        """Reach the log over connections that `connect` makes."""
        self._writes, self._reads = connect(), connect()
        self._sender = Sender(self._writes)
        self._reader = TailReader(self._reads, _PARTITION)

    async def publish(self, status: Status) -> int:
        return await self._sender.append(_PARTITION, [status_bytes(status)])

    async def take(self, timeout_s: float) -> StatusBatch:
        tail = await self._reader.take(timeout_s)
        return StatusBatch([status for value in tail.values if (status := status_in(value)) is not None], tail.gap)

    async def close(self) -> None:
        self._writes.close()
        self._reads.close()
