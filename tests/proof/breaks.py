"""What is taken out of the service, one piece at a time, and which test goes red of it.

`make prove` does it; `docs/promises.md` tells it. A test sees to it that each piece of text is still there.
"""

from dataclasses import dataclass

NEMESIS = "tests/simulation/test_cluster.py::test_nothing_is_lost_and_nothing_comes_back"
RESCALE = "tests/simulation/test_cluster.py::test_rescaling_fails_no_request"


@dataclass(frozen=True, slots=True)
class Break:
    """One piece of safety taken out: in `file`, `before` becomes `after`, and `test` must fail."""

    name: str
    promise: str
    file: str
    before: str
    after: str
    test: str


BREAKS = (
    Break(
        "void-puts-count",
        "P8",
        "domain/fold.py",
        "return append_time_ms > put.append_by_ms",
        "return False",
        NEMESIS,
    ),
    Break(
        "no-read-index",
        "P5",
        "application/rounds.py",
        "return ReadIndex(as_of_ms, await self._journal.end_offsets())",
        "return ReadIndex(as_of_ms, dict.fromkeys(await self._journal.end_offsets(), 0))",
        NEMESIS,
    ),
    Break(
        "short-answers",
        "P5",
        "application/round.py",
        "while self.coverage.missing:",
        "while self.coverage.missing and loop.time() < deadline - 3:",
        NEMESIS,
    ),
    Break(
        "expiry-by-the-clock-of-the-reader",
        "P5",
        "application/answer_questions.py",
        "await self._storage.read(wants, question.read_index.as_of_ms)",
        "await self._storage.read(wants, self._clock.now_ms())",
        NEMESIS,
    ),
    Break(
        "bury-after-apply",
        "P4, P6",
        "application/materializer.py",
        "await self._journal.bury(applied.died)\n        await self._storage.commit(snapshot, applied.change)",
        "await self._storage.commit(snapshot, applied.change)\n        await self._journal.bury(applied.died)",
        NEMESIS,
    ),
    Break(
        "drop-at-once",
        "P7",
        "application/handover.py",
        "        if now - self._custody[class_id].retiring_since >= self._policy.drain_deadline_s:\n",
        "        if True:\n",
        RESCALE,
    ),
    Break(
        "leave-without-handover",
        "P7",
        "application/tenure.py",
        "service is not None and not service.is_succeeded and loop.time() < latest",
        "False",
        RESCALE,
    ),
    Break(
        "trust-any-view",
        "P2, P5",
        "domain/trust.py",
        "return Trust.GOOD if before.next_offset >= read_index else Trust.BEHIND",
        "return Trust.GOOD",
        NEMESIS,
    ),
    Break(
        "unsorted-factors",
        "factors",
        "adapters/factorizers/flint.py",
        "tuple(sorted(",
        "tuple(list(",
        "tests/properties/test_factorization.py",
    ),
    Break(
        "moves-cost-nothing",
        "P3, P7",
        "domain/placement.py",
        "move = _RETIRING * classes + 1",
        "move = 0",
        "tests/properties/test_placement.py",
    ),
    Break(
        "zombies-are-placed",
        "P2",
        "domain/placement.py",
        "rival is None or _seniority(rival) < _seniority(member)",
        "rival is None or _seniority(rival) > _seniority(member)",
        "tests/properties/test_placement.py",
    ),
    Break(
        "death-out-of-order",
        "P4",
        "domain/fold.py",
        "Folded(changed, tuple(died))",
        "Folded(changed, tuple(reversed(died)))",
        "tests/properties/test_fold.py",
    ),
    Break(
        "no-fence",
        "P2",
        "adapters/memory/memory_redis.py",
        "        self._fence(slot, user)\n",
        "",
        "tests/contracts/test_memory_slot_allocator.py",
    ),
    Break(
        "expired-values-shown",
        "P6",
        "adapters/memory/database.py",
        "if expires_at_ms is None or expires_at_ms > now_ms)",
        "if True)",
        "tests/contracts/test_memory_storage.py",
    ),
    Break(
        "digits-without-limit",
        "http",
        "entrypoints/http/parsing.py",
        'len(text.removeprefix("-")) > len(str(limits.max_number)) or ',
        "",
        "tests/http/test_parsing.py",
    ),
    Break(
        "every-outcome-is-nothing",
        "P8",
        "entrypoints/http/problems.py",
        "return NOTHING_STORED if kind.nothing_stored else UNKNOWN",
        "return NOTHING_STORED",
        "tests/http",
    ),
)
