"""What is taken out of the service, one piece at a time, and which test goes red of it.

`make prove` does it; `docs/promises.md` tells it. A test sees to it that each piece of text is still there.
"""

from dataclasses import dataclass

NEMESIS = "tests/simulation/test_cluster.py::test_nothing_is_lost_and_nothing_comes_back"
RESCALE = "tests/simulation/test_cluster.py::test_rescaling_fails_no_request"
PARTS = "tests/unit/application/"


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
        "            if not service.is_succeeded:\n",
        "            if False:\n",
        RESCALE,
    ),
    Break(
        "leave-as-soon-as-succeeded",
        "P7",
        "application/tenure.py",
        "loop.time() + self._around.policy.handover_grace_s",
        "loop.time()",
        PARTS + "test_tenure_drain.py::test_who_asks_by_yesterdays_map_hears_something",
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
    Break(
        "expiry-as-of-after-the-offsets",
        "P5",
        "application/rounds.py",
        "ReadIndex(as_of_ms, await self._journal.end_offsets())",
        "ReadIndex(offsets=await self._journal.end_offsets(), as_of_ms=self._clock.now_ms())",
        PARTS + "test_rounds.py",
    ),
    Break(
        "sweeps-forgotten",
        "P5",
        "application/class_custody.py",
        "            held.position = None\n            self.doubtful.discard(class_id)",
        "            held.position, held.swept_ms = None, 0\n            self.doubtful.discard(class_id)",
        PARTS + "test_answer_questions_trust.py",
    ),
    Break(
        "answers-without-a-lease",
        "P2",
        "application/answer_questions.py",
        "if not self._lease.is_sure(asyncio.get_running_loop().time()):",
        "if False:",
        PARTS + "test_answer_questions_trust.py",
    ),
    Break(
        "finds-without-a-lease",
        "P2",
        "application/replica.py",
        "        if not tenure.is_sure:\n",
        "        if False:\n",
        PARTS + "test_replica.py",
    ),
    Break(
        "a-renewal-may-hang",
        "P2",
        "application/tenure.py",
        "async with asyncio.timeout_at(lease.sure_until):",
        "async with asyncio.timeout_at(None):",
        PARTS + "test_tenure.py",
    ),
    Break(
        "a-deadline-from-the-append",
        "P8",
        "application/store_values.py",
        "deadline = min(asyncio.get_running_loop().time() + self._policy.append_timeout_s, latest)",
        "deadline = asyncio.get_running_loop().time() + self._policy.append_timeout_s",
        PARTS + "test_store_values.py",
    ),
    Break(
        "one-look-of-the-sweeper",
        "P4",
        "application/sweeper.py",
        "second = await self._storage.look(classes, values)",
        "second = snapshot",
        PARTS + "test_sweeper.py",
    ),
    Break(
        "looks-outlive-their-connection",
        "P4",
        "adapters/memory/storage.py",
        " or watch.session != self._writer.session",
        "",
        "tests/contracts/test_memory_storage.py",
    ),
    Break(
        "expired-puts-unburied",
        "P6",
        "application/sweeper.py",
        "await self._journal.bury([present.key for present in dead])",
        "await self._journal.bury([])",
        PARTS + "test_sweeper.py",
    ),
    Break(
        "a-load-buries-nobody",
        "P6",
        "application/cold_loader.py",
        "        await self._journal.bury(load.unburied)\n",
        "",
        PARTS + "test_cold_loader.py",
    ),
    Break(
        "a-load-without-an-id",
        "P4",
        "application/cold_loader.py",
        "            and snapshot.loading.get(load.class_id) == load.load_id\n",
        "",
        PARTS + "test_cold_loader_begins_again.py",
    ),
    Break(
        "a-load-outlives-its-class",
        "P7",
        "application/cold_loader.py",
        " or held.events != self._loads[class_id].events",
        "",
        PARTS + "test_cold_loader_begins_again.py",
    ),
    Break(
        "old-views-live-on",
        "P6",
        "application/housekeeping.py",
        "if position is not None and is_old(position.verified_at_ms, taken_ms, self._facts.retention_ms):",
        "if False:",
        PARTS + "test_housekeeping.py",
    ),
    Break(
        "full-for-ever",
        "507",
        "application/housekeeping.py",
        "            custody.set_full(False)\n",
        "",
        PARTS + "test_housekeeping.py",
    ),
    Break(
        "removals-in-doubt-are-passed-over",
        "P4",
        "application/materializer.py",
        "            except RemovalUnknownError:\n                raise\n",
        "",
        PARTS + "test_materializer_failures.py",
    ),
    Break(
        "doubt-only-what-failed",
        "P4, P5",
        "application/materializer.py",
        "                self._custody.doubt_all()\n",
        "",
        PARTS + "test_materializer_failures.py",
    ),
    Break(
        "statuses-missed",
        "P7",
        "application/status_exchange.py",
        "            if heard.gap:\n                self._map.forget()\n",
        "",
        PARTS + "test_status_exchange.py",
    ),
    Break(
        "mail-missed",
        "P7",
        "application/mail_room.py",
        "                if mail.gap:\n                    self._rounds.ask_anew()\n",
        "",
        PARTS + "test_mail_room.py",
    ),
    Break(
        "drained-while-starting",
        "P7",
        "application/tenure.py",
        "        if self._is_draining:\n",
        "        if False:\n",
        PARTS + "test_tenure_drain.py",
    ),
)
