"""The laws of appending to Kafka, whatever becomes of the requests: in simulated time, against a broker that counts."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.kafka.appends import Appends
from factorsvc.adapters.kafka.producer import Producer
from factorsvc.adapters.kafka.records import Keyed
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.journal import NoReceipt, Receipt
from tests.kafka.scripted import PRODUCED_MS, TOPIC, Partitions, ScriptedBroker
from tests.simulation.loop import SimulationLoop

NOT_LEADER: Final = 6
OUT_OF_ORDER: Final = 45
NO_TIME: Final = -1
RECORDS_A_BATCH: Final = 3
OUTCOMES: Final = ("done", "lost", "unanswered", "copied", "late", "not leader", "refused")


class Call(NamedTuple):
    """An append: when, of how many records of each class, and for how long it is waited for."""

    at_s: float
    counts: Mapping[int, int]
    patience_s: float


class CountingBroker:
    """Stores a batch if it is the next one of its producer; each request meets the next of the outcomes it is given."""

    def __init__(self, outcomes: list[str]) -> None:
        self.log: defaultdict[int, list[bytes]] = defaultdict(list)
        self._outcomes = iter(outcomes)
        self._next: dict[tuple[int, int], int] = {}
        self._late: list[Partitions] = []

    async def __call__(self, partitions: Partitions) -> Partitions:
        outcome = next(self._outcomes, "done")
        if outcome in {"late", "copied"}:
            self._late.append(partitions)
        if outcome == "late":
            await asyncio.Event().wait()
        if outcome in {"lost", "copied"}:
            raise JournalUnavailableError("lost")
        if outcome in {"not leader", "refused"}:
            return [
                (each, NOT_LEADER if outcome == "not leader" else OUT_OF_ORDER, -1, NO_TIME) for each, _ in partitions
            ]
        answer = [self._append(class_id, data) for class_id, data in partitions]
        if outcome == "unanswered":
            raise JournalUnavailableError("the answer is lost")
        return answer

    def heal(self) -> None:
        """All that was on its way comes in."""
        for partitions in self._late:
            for class_id, data in partitions:
                self._append(class_id, data)

    def _append(self, class_id: int, data: bytes) -> tuple[int, int, int, int]:
        batch = MemoryRecords(data).next_batch()
        assert batch is not None
        values = [record.value for record in batch]
        producer = batch.producer_id, class_id
        if batch.base_sequence < self._next.get(producer, 0):
            return class_id, 0, 0, PRODUCED_MS  # it is there already
        if batch.base_sequence > self._next.get(producer, batch.base_sequence):
            return class_id, OUT_OF_ORDER, -1, NO_TIME  # brokers take any first number
        self._next[producer] = batch.base_sequence + len(values)
        self.log[class_id] += values
        return class_id, 0, 0, PRODUCED_MS


calls = st.builds(
    Call,
    st.sampled_from((0.0, 0.01, 0.3)),
    st.dictionaries(st.integers(0, TOPIC.partitions - 1), st.integers(1, 3 * RECORDS_A_BATCH), min_size=1),
    st.sampled_from((0.02, 1.0, 30.0)),
)


@given(st.lists(calls, min_size=1, max_size=5), st.lists(st.sampled_from(OUTCOMES), max_size=10), st.integers(0, 99))
def test_what_is_told_of_appends_is_true(appended: list[Call], outcomes: list[str], seed: int) -> None:
    """Each record is there once at most, after those before it, and as its receipt says (P4, P8)."""
    broker = CountingBroker(outcomes)
    with asyncio.Runner(loop_factory=partial(SimulationLoop, seed)) as runner:
        receipts = runner.run(_append_all(appended, broker))
    broker.heal()

    for number, (call, of_call) in enumerate(zip(appended, receipts, strict=True)):
        for class_id, count in call.counts.items():
            told = dict(zip(_names(number, count), of_call[class_id], strict=True))
            landed = [value for value in broker.log[class_id] if value in told]
            assert landed == [name for name in told if name in landed]
            assert {name for name, receipt in told.items() if isinstance(receipt, int)} <= set(landed)
            assert not {name for name, receipt in told.items() if receipt is NoReceipt.NOT_SENT} & set(landed)


@given(st.lists(calls, min_size=1, max_size=5), st.integers(0, 99))
def test_all_is_appended_that_meets_no_trouble(appended: list[Call], seed: int) -> None:
    """Nothing is given up that need not be."""
    broker = CountingBroker([])
    with asyncio.Runner(loop_factory=partial(SimulationLoop, seed)) as runner:
        receipts = runner.run(_append_all(appended, broker))

    assert {receipt for of_call in receipts for of_class in of_call.values() for receipt in of_class} == {PRODUCED_MS}


async def _append_all(appended: list[Call], broker: CountingBroker) -> list[dict[int, list[Receipt]]]:
    script = ScriptedBroker()
    script.handlers[ProduceRequest] = broker
    size = len(next(_names(0, 1))) * 2 + 24
    appends = Appends(lambda: Producer(script.client(), TOPIC, batch_bytes=61 + RECORDS_A_BATCH * size, patience_s=1.0))
    now = asyncio.get_running_loop().time

    async def append(number: int, call: Call) -> dict[int, list[Receipt]]:
        await asyncio.sleep(call.at_s)
        records = {
            class_id: [Keyed(name, name) for name in _names(number, count)] for class_id, count in call.counts.items()
        }
        deadline = now() + call.patience_s
        found = await appends.append(records, deadline)
        assert now() <= deadline + 0.001
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(append(number, call)) for number, call in enumerate(appended)]
    await appends.close()
    return [task.result() for task in tasks]


def _names(number: int, count: int) -> Iterator[bytes]:
    """The names of the records of an append, the same ones for each class."""
    return (b"%d.%d" % (number, place) for place in range(count))
