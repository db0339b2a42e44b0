"""The servers of the world: one Redis and one broker, a clock that the world moves, and a witness of what is said."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.compaction import JournalId, JournalRecord, without_old_tombstones
from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.partition import Partition, Stored
from factorsvc.adapters.memory.shared_journal import SharedJournal
from factorsvc.domain.record import Batch, Entry, Present, Put
from factorsvc.domain.restoration import ColdLoad
from tests.journal.loop import ProcessLoop
from tests.journal.truth import Truth

START_MS = 1_000_000_000_000
RETENTION_S = 1_000.0
LEASE_TTL_S = 10.0


class WitnessedJournal(SharedJournal):
    """The journal, with all puts told to the truth."""

    truth: Truth

    def append(self, class_id: int, records: Sequence[JournalRecord]) -> int:
        """Append, and tell."""
        append_time_ms = super().append(class_id, records)
        for record in records:
            if isinstance(record, Put):
                self.truth.landed(record, append_time_ms)
        return append_time_ms


class Servers:
    """What all processes share."""

    def __init__(self, classes: int, truth: Truth) -> None:
        """Begin with nothing stored anywhere."""
        self.now = 0.0
        self.loop = ProcessLoop(lambda: self.now)
        self.redis = MemoryRedis(self.now_ms)
        self.broker = MemoryCluster(classes, self.now_ms)
        self.journal = self.broker.journal = WitnessedJournal(self.now_ms, int(RETENTION_S * 1000))
        self.journal.truth = truth
        self.classes = range(classes)
        self._rebuilt: dict[int, tuple[Sequence[object], int, list[Present]]] = {}

    def now_ms(self) -> int:
        """The wall clock of both servers."""
        return START_MS + int(self.now * 1000)

    def partition(self, class_id: int) -> Partition[JournalRecord]:
        """What is left of the journal of a class."""
        return self.journal.log.partitions[class_id]

    def ends(self) -> Mapping[int, int]:
        """The end of each class."""
        return self.journal.ends() if self.journal.settings else dict.fromkeys(self.classes, 0)

    def rebuilt(self, class_id: int) -> list[Present]:
        """The states that a view gets which is built from what is left of the journal, by the project's own fold."""
        partition = self.partition(class_id)
        known = self._rebuilt.get(class_id)
        if known is not None and known[0] is partition.records and known[1] == partition.end:
            return known[2]
        entries = [
            Entry(stored.offset, stored.append_time_ms, stored.record)
            for stored in partition.records
            if not isinstance(stored.record, JournalId)
        ]
        load = ColdLoad(class_id, b"", 0)
        load.fold(Batch(class_id, 0, partition.end, entries))
        presents = [present for chunk in load.chunks(100) for present in chunk]
        self._rebuilt[class_id] = (partition.records, partition.end, presents)
        return presents

    def cleanings(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Every way in which compaction can make less of the journal now: of which part, knowing which part."""
        for class_id in self.classes if self.journal.settings else ():
            partition = self.partition(class_id)
            places = [stored.offset for stored in partition.records[2:]] + [partition.end]
            for known in places:
                for below in places:
                    if below <= known:
                        yield (
                            f"compaction of class {class_id} below {below}, knowing up to {known}",
                            partial(self.journal.compact, class_id, below, known),
                        )

    def droppings(self) -> Iterator[tuple[str, Partition[JournalRecord], list[Stored[JournalRecord]]]]:
        """Every way in which old tombstones can be dropped now: those of a prefix."""
        for class_id in self.classes if self.journal.settings else ():
            partition = self.partition(class_id)
            by_ms = self.now_ms() - int(RETENTION_S * 1000)
            for length in range(1, len(partition.records) + 1):
                left = without_old_tombstones(partition.records[:length], by_ms)
                if len(left) < length and partition.records[length - 1] not in left:
                    yield (
                        f"tombstones of class {class_id} up to {partition.records[length - 1].offset}",
                        partition,
                        [*left, *partition.records[length:]],
                    )
