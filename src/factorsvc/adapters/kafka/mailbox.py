"""The mailboxes as one replica reaches them."""

from collections.abc import Callable, Sequence

from factorsvc.adapters.kafka.bus import MailPart
from factorsvc.adapters.kafka.messages import message_bytes, message_in
from factorsvc.adapters.kafka.sender import Sender
from factorsvc.adapters.kafka.tail import TailReader
from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.ports.mailbox import Mail
from factorsvc.domain.question import Message


class KafkaMailbox(MailPart):
    """Sends over one connection and reads over another."""

    def __init__(self, connect: Callable[[], Talk]) -> None:
        """Reach the mailboxes over connections that `connect` makes."""
        self._writes, self._reads = connect(), connect()
        self._sender = Sender(self._writes)
        self._reader: TailReader | None = None

    async def open(self, slot: int) -> None:
        reader = TailReader(self._reads, slot)
        await reader.seek()
        self._reader = reader

    async def send(self, slot: int, messages: Sequence[Message]) -> None:
        if messages:
            await self._sender.append(slot, [message_bytes(message) for message in messages])

    async def take(self, timeout_s: float) -> Mail:
        if self._reader is None:
            raise RuntimeError("a mailbox is opened before it is read")
        tail = await self._reader.take(timeout_s)
        return Mail([message for value in tail.values if (message := message_in(value)) is not None], tail.gap)

    async def close(self) -> None:
        self._writes.close()
        self._reads.close()
