"""The mailboxes as one replica reaches them."""

from collections.abc import Sequence
from functools import partial

from factorsvc.adapters.memory.connection import Connection
from factorsvc.adapters.memory.link import LinkDownError
from factorsvc.adapters.memory.shared_log import SharedLog
from factorsvc.adapters.memory.tail_reader import TailReader
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.mailbox import Mail, Mailbox
from factorsvc.domain.question import Message


class MemoryMailbox(Mailbox):
    """Sends over one connection and reads over another."""

    def __init__(self, log: SharedLog[Message], writes: Connection, reads: Connection) -> None:
        """Reach `log`, which has a partition for each slot."""
        self._log = log
        self._writes = writes
        self._reads = reads
        self._reader: TailReader[Message] | None = None

    async def open(self, slot: int) -> None:
        reader = TailReader(self._log, slot, self._reads)
        if not await reader.seek(self._reads.request_timeout_s):
            raise JournalUnavailableError("the end of the mailbox could not be learnt")
        self._reader = reader

    async def send(self, slot: int, messages: Sequence[Message]) -> None:
        try:
            await self._writes.call(partial(self._log.append, slot, messages))
        except LinkDownError as error:
            raise JournalUnavailableError from error

    async def take(self, timeout_s: float) -> Mail:
        if self._reader is None:
            raise RuntimeError("a mailbox is opened before it is read")
        tail = await self._reader.take(timeout_s)
        return Mail(tail.records, tail.gap)
