"""Reading a broker that sends too little, too much, or nothing at all."""

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from factorsvc.adapters.kafka import journal_reader
from factorsvc.adapters.kafka.journal_reader import JournalReader
from factorsvc.adapters.kafka.records import Keyed, put_record
from factorsvc.domain.errors import JournalMismatchError, OutOfRangeError
from factorsvc.domain.record import Batch
from tests.builders import a_put
from tests.contracts.server import PATIENCE_S, SOON_S, records_of, under_way, until, within
from tests.kafka.scripted import TOPIC, Partitions, ScriptedBroker

OUT_OF_RANGE, NOT_LEADER = 1, 6
PUT = a_put(1)


def stored(offset: int, record: Keyed) -> bytes:
    """One record, as a broker has it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=1,
        producer_epoch=0,
        base_sequence=0,
        batch_size=9999,
    )
    builder.append(0, 7, *record, [])
    return struct.pack(">q", offset) + bytes(builder.build())[8:]


class Log:
    """What a broker says: by class the error, the end, and the data of what begins at an offset."""

    def __init__(self) -> None:
        self.code = 0
        self.ends = dict.fromkeys(range(TOPIC.partitions), 0)
        self.data: dict[tuple[int, int], bytes] = {}
        self.idle = asyncio.Event()
        """Set: a request for nothing is answered at once."""

    async def __call__(self, partitions: Partitions) -> Partitions:
        found = [(each, at, self.data.get((each, at), b"")) for each, at, _ in partitions]
        if not any(data for *_, data in found) and not self.code:
            await self.idle.wait()
        return [(each, self.code, self.ends[each], -1, 0, None, data) for each, _, data in found]


@pytest.fixture
def broker() -> ScriptedBroker:
    return ScriptedBroker()


@pytest.fixture
def log(broker: ScriptedBroker) -> Log:
    log = Log()
    broker.handlers[FetchRequest] = log
    return log


@pytest.fixture
async def reader(broker: ScriptedBroker) -> AsyncIterator[JournalReader]:
    reader = JournalReader(broker.client, TOPIC)
    yield reader
    await within(reader.close())


async def test_a_consumer_without_progress_is_replaced_and_counted(
    broker: ScriptedBroker, log: Log, reader: JournalReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that has more of a class, and sends nothing of it for some time, is asked over new connections."""
    monkeypatch.setattr(journal_reader, "_PROGRESS_S", 0.05)
    log.ends[1] = 5
    log.idle.set()
    reader.read_from(1, 0)

    async def is_replaced() -> bool:
        return not await reader.take(9, 0.01) and reader.renewals > 0

    await until(is_replaced)
    assert len(broker.clients) == 1 + reader.renewals

    log.data[1, 0] = stored(0, put_record(PUT))
    assert records_of(await within(reader.take(9, PATIENCE_S))) == [PUT]


async def test_nothing_to_read_is_progress_enough(
    log: Log, reader: JournalReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class whose end has been reached is no reason to replace anything."""
    monkeypatch.setattr(journal_reader, "_PROGRESS_S", 0.0)
    log.idle.set()
    log.ends[1] = 3
    reader.read_from(1, 3)

    assert await within(reader.take(9, SOON_S)) == []
    assert reader.renewals == 0


async def test_a_class_is_begun_at_once_while_a_request_waits(
    broker: ScriptedBroker, log: Log, reader: JournalReader
) -> None:
    """A request that waits at its broker would hold up the class that has come: it is dropped."""
    reader.read_from(1, 0)
    log.data[2, 4] = stored(4, put_record(PUT))

    async def fetching() -> bool:
        return bool(broker.asked)

    async with asyncio.TaskGroup() as group:
        taking = await under_way(group, reader.take(9, 100 * PATIENCE_S))
        await until(fetching)
        reader.read_from(2, 4)

    assert [(batch.class_id, batch.start, batch.end) for batch in taking.result()] == [(2, 4, 5)]


async def test_the_beginning_is_wherever_it_is(broker: ScriptedBroker, reader: JournalReader) -> None:
    """0 is no offset that can be out of range; a batch without entries leads to where the log begins by now."""
    log = Log()

    async def begins_at_ten(partitions: Partitions) -> Partitions:
        (asked,) = partitions
        if asked[1] < 10:
            return [(asked[0], OUT_OF_RANGE, -1, -1, -1, None, b"")]
        return await log(partitions)

    async def beginnings(partitions: Partitions) -> Partitions:
        return [(each, 0, -1, 10) for each, _ in partitions]

    broker.handlers |= {FetchRequest: begins_at_ten, OffsetRequest: beginnings}
    log.data[1, 10] = stored(10, put_record(PUT))
    reader.read_from(1, 0)

    assert await within(reader.take(9, PATIENCE_S)) == [Batch(1, 0, 10, [])]
    assert (await within(reader.take(9, PATIENCE_S)))[0].entries[0].offset == 10
    reader.read_from(1, 9)
    with pytest.raises(OutOfRangeError):
        await within(reader.take(9, PATIENCE_S))


async def test_an_order_is_not_undone_by_an_answer_to_an_earlier_one(log: Log, reader: JournalReader) -> None:
    """What comes for an offset that is not wanted any more is dropped."""
    log.data[0, 0] = stored(0, put_record(PUT)) + stored(1, put_record(PUT))
    reader.read_from(0, 0)
    reader.read_from(1, 0)
    assert [batch.class_id for batch in await within(reader.take(1, PATIENCE_S))] == [0]  # and asks on for the other
    log.data |= {(1, offset): stored(offset, put_record(PUT)) for offset in (0, 5)}
    reader.read_from(1, 5)

    assert [batch.class_id for batch in await within(reader.take(1, PATIENCE_S))] == [0]
    assert [(batch.class_id, batch.start) for batch in await within(reader.take(9, PATIENCE_S))] == [(1, 5)]


async def test_a_leader_that_leads_no_more_is_silence(log: Log, reader: JournalReader) -> None:
    """It is asked for anew, until somebody answers."""
    log.code = NOT_LEADER
    log.data[1, 0] = stored(0, put_record(PUT))
    reader.read_from(1, 0)
    assert await within(reader.take(9, 0.2)) == []

    log.code = 0
    assert records_of(await within(reader.take(9, PATIENCE_S))) == [PUT]


async def test_an_unreadable_record_stops_its_class_and_loses_nothing_of_others(
    log: Log, reader: JournalReader
) -> None:
    """It raises each time that it is its class's turn; batches that were taken before are given out first."""
    record = put_record(PUT)
    log.data |= {(0, 0): stored(0, record), (1, 0): stored(0, Keyed(record.key, b"\xff"))}
    reader.read_from(0, 0)
    reader.read_from(1, 0)

    assert [batch.class_id for batch in await within(reader.take(9, PATIENCE_S))] == [0]
    for _ in range(2):
        with pytest.raises(JournalMismatchError):
            await within(reader.take(9, PATIENCE_S))


async def test_a_corrupt_batch_is_fetched_again(log: Log, reader: JournalReader) -> None:
    """Nothing is made of it, and it counts as a connection without progress."""
    whole = stored(0, put_record(PUT))
    log.data[1, 0] = whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:]
    reader.read_from(1, 0)
    assert await within(reader.take(9, SOON_S)) == []

    log.data[1, 0] = whole
    assert records_of(await within(reader.take(9, PATIENCE_S))) == [PUT]
    assert reader.renewals > 0
