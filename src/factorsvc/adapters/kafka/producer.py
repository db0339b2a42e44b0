"""One idempotent producer, from its first batch to its first failure.

A broker numbers the batches of a producer, class by class: a batch that comes twice is stored once, and one that comes
out of turn is refused. So a batch may be put to the brokers again and again, as the same bytes, until one answers. What
has gone without an answer leaves a gap that no later batch may cross: then this producer is abandoned, and the next one
has another identity.

aiokafka's own producer does not say what it has sent and what not, and cannot be ended while a broker is silent; its
protocol and its client are used.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.errors import NoError, for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from factorsvc.adapters.kafka.batches import NOBODY, new_batch
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.leaders import JournalLeaders
from factorsvc.adapters.kafka.records import Keyed
from factorsvc.adapters.kafka.topics import NotYetError, require
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError
from factorsvc.domain.ports.journal import NoReceipt, Receipt

_ALL: Final = -1
_NO_TRANSACTIONS: Final = 2**31 - 1
_NO_TIME: Final = -1
"""The append time of a broker that keeps the producer's."""
_BACKOFF_S: Final = 0.05
_SEQUENCES: Final = 2**31


class Packed(NamedTuple):
    """A batch as it is sent, and sent again."""

    records: int
    data: bytes


class Producer:
    """Sends one batch of a class after the other; of different classes side by side."""

    def __init__(self, client: Client, topic: Topic, *, batch_bytes: int, patience_s: float) -> None:
        """Append to `topic` over `client`, which is this producer's alone.

        A batch has at most `batch_bytes`, or one record. The leader waits `patience_s` for its followers.
        """
        self.is_over = False
        """Something has failed: what it was may land or not, and nothing may be sent after it."""
        self._client = client
        self._topic = topic.name
        self._leaders = JournalLeaders(client, topic)
        self._batch_bytes = batch_bytes
        self._patience_ms = round(patience_s * 1000)
        self._identity = NOBODY
        self._next: defaultdict[int, int] = defaultdict(int)
        """By class the number of the next record."""

    async def begin(self) -> None:
        """Get an identity, before which nothing can be packed, and find out who leads.

        Raises:
            NotYetError, JournalUnavailableError, JournalMismatchError: it cannot be done now.
        """
        answer = await self._client.ask(InitProducerIdRequest(None, _NO_TRANSACTIONS))
        require(answer.error_code, "to begin a producer")
        self._identity = (answer.producer_id, answer.producer_epoch)
        await self._leaders.by_node([])

    def pack(self, class_id: int, records: Sequence[Keyed]) -> Packed:
        """Pack as many of `records`, from the first on, as one batch holds; it must be the next one sent."""
        builder = new_batch(self._batch_bytes, self._identity, self._next[class_id])
        count = 0
        for record in records:
            if builder.append(count, None, record.key, record.value, []) is None:
                break
            count += 1
        self._next[class_id] = (self._next[class_id] + count) % _SEQUENCES
        return Packed(count, bytes(builder.build()))

    async def send(self, batches: Mapping[int, Packed]) -> dict[int, Receipt]:
        """Return the receipt of each batch, by class, as soon as there is one for all, or this producer is over."""
        receipts: dict[int, Receipt] = {}
        while not self.is_over:
            receipts |= await self._try({class_id: batches[class_id] for class_id in batches.keys() - receipts.keys()})
            if receipts.keys() == batches.keys():
                break
            self._leaders.forget()
            await asyncio.sleep(_BACKOFF_S)
        return dict.fromkeys(batches, NoReceipt.UNKNOWN) | receipts

    def abandon(self) -> None:
        """End at once, without a word to the brokers; what is not on its way by now never will be. Idempotent."""
        self.is_over = True
        self._client.close()

    async def _try(self, batches: Mapping[int, Packed]) -> dict[int, Receipt]:
        """Put `batches` to their leaders once; those that are to be put again have no receipt."""
        try:
            nodes = await self._leaders.by_node(batches)
        except (NotYetError, JournalUnavailableError, JournalMismatchError):
            return {}
        async with asyncio.TaskGroup() as group:
            puts = [
                group.create_task(
                    self._put(node, {class_id: batches[class_id] for class_id in classes}),
                    name=f"append to broker {node}",
                )
                for node, classes in nodes.items()
            ]
        return {class_id: receipt for put in puts for class_id, receipt in put.result().items()}

    async def _put(self, node: int, batches: Mapping[int, Packed]) -> dict[int, Receipt]:
        asked = [(self._topic, [(class_id, packed.data) for class_id, packed in batches.items()])]
        try:
            answer = await self._client.ask(ProduceRequest(None, _ALL, self._patience_ms, asked), node)
        except JournalUnavailableError:
            return {}
        receipts = {}
        for _, partitions in answer.topics:
            for partition in partitions:
                receipt = self._receipt(partition)
                if receipt is not None:
                    receipts[partition[0]] = receipt
        return receipts

    def _receipt(self, partition: tuple[Any, ...]) -> Receipt | None:
        """What a broker says of a batch; None: not now."""
        _, code, _, append_time_ms, *_ = partition
        error = for_code(code)
        if error is NoError:
            # Without the broker's own time nobody can tell whether a put is void.
            return NoReceipt.UNKNOWN if append_time_ms == _NO_TIME else int(append_time_ms)
        if error.retriable:
            return None
        self.is_over = True
        return NoReceipt.UNKNOWN
