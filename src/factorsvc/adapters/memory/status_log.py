"""The status log as one replica reaches it."""

from functools import partial

from factorsvc.adapters.memory.connection import Connection
from factorsvc.adapters.memory.link import LinkDownError
from factorsvc.adapters.memory.shared_log import SharedLog
from factorsvc.adapters.memory.tail_reader import TailReader
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.statuses import StatusBatch, StatusLog
from factorsvc.domain.status import Status


class MemoryStatusLog(StatusLog):
    """Writes over one connection and reads over another. The first take seeks the end."""

    def __init__(self, log: SharedLog[Status], writes: Connection, reads: Connection) -> None:
        """Reach `log`, which has one partition."""
        self._log = log
        self._writes = writes
        self._reader = TailReader(log, 0, reads)

    async def publish(self, status: Status) -> int:
        try:
            return await self._writes.call(partial(self._log.append, 0, [status]))
        except LinkDownError as error:
            raise JournalUnavailableError from error

    async def take(self, timeout_s: float) -> StatusBatch:
        tail = await self._reader.take(timeout_s)
        return StatusBatch(tail.records, tail.gap)
