"""What tests are made of: one function for each record of the domain, all defaults, so that a test names what matters.

Whatever is made without a put_id gets one that nobody else has: two puts are the same put only where a test says so.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count

from factorsvc.domain.placement import Member
from factorsvc.domain.ports.storage import Snapshot
from factorsvc.domain.question import Answered, Page, Question, ReadIndex, RefusalReason, Refused
from factorsvc.domain.record import PUT_ID_BYTES, Batch, Entry, Present, Put, PutKey, Tombstone
from factorsvc.domain.restoration import Position
from factorsvc.domain.status import Status
from factorsvc.domain.value import FactoredValue, join_members

NOW_MS = 1_800_000_000_000
"""The time of a test, by every clock, unless it says otherwise."""
APPEND_TIMEOUT_MS = 5_000
"""How long after `NOW_MS` the put of a test may land."""

_put_ids = count(1)


def a_put_id(number: int | None = None) -> bytes:
    """A put_id: the one of that `number`, or without one a new one. Numbers of tests do not meet the new ones."""
    if number is None:
        return b"new%0*d" % (PUT_ID_BYTES - 3, next(_put_ids))
    return b"put%0*d" % (PUT_ID_BYTES - 3, number)


def factors_of(value: int) -> tuple[int, ...]:
    """The prime factors of a small value, by trial division."""
    factors, divisor = [], 2
    while value > 1:
        if divisor * divisor > value:
            divisor = value
        if value % divisor:
            divisor += 1
        else:
            factors.append(divisor)
            value //= divisor
    return tuple(factors)


def a_value(value: int = 120) -> FactoredValue:
    """A small value with its prime factors."""
    return FactoredValue(value, factors_of(value))


def a_member_text(value: int = 120) -> bytes:
    """The compact text of a small value."""
    return a_value(value).member


def a_put(
    value: int = 120,
    *,
    put_id: bytes | None = None,
    expires_at_ms: int | None = None,
    append_by_ms: int = NOW_MS + APPEND_TIMEOUT_MS,
) -> Put:
    """A put of a small value that lives for ever."""
    return Put(value, put_id or a_put_id(), a_member_text(value), expires_at_ms, append_by_ms)


def a_tombstone(of: Put | Present | PutKey) -> Tombstone:
    """A tombstone of that put."""
    return Tombstone(of.value, of.put_id)


def an_entry(record: Put | Tombstone | None = None, *, offset: int = 0, append_time_ms: int = NOW_MS) -> Entry:
    """A record in the journal, landed in time."""
    return Entry(offset, append_time_ms, a_put() if record is None else record)


def a_void_entry(put: Put | None = None, *, offset: int = 0) -> Entry:
    """A put that landed as little too late as can be."""
    put = a_put() if put is None else put
    return Entry(offset, put.append_by_ms + 1, put)


def a_batch(
    entries: Sequence[Entry] = (), *, start: int | None = None, end: int | None = None, class_id: int = 0
) -> Batch:
    """Entries as they were read; without `start` and `end` nothing was compacted at either side of them."""
    if start is None:
        start = entries[0].offset if entries else 0
    if end is None:
        end = entries[-1].offset + 1 if entries else start
    return Batch(class_id, start, end, entries)


def a_present(value: int = 120, *, put_id: bytes | None = None, expires_at_ms: int | None = None) -> Present:
    """The state of a small value that lives for ever."""
    return Present(value, put_id or a_put_id(), a_member_text(value), expires_at_ms)


def present_of(put: Put) -> Present:
    """The state that `put` makes of its value."""
    return Present(put.value, put.put_id, put.member, put.expires_at_ms)


def a_position(*, load_id: bytes = b"load", next_offset: int = 10, verified_at_ms: int = NOW_MS) -> Position:
    """How far a view has come that was at the journal's end just now."""
    return Position(load_id, next_offset, verified_at_ms)


def a_snapshot(
    *,
    journal_id: bytes | None = b"journal",
    positions: Mapping[int, Position] | None = None,
    loading: Mapping[int, bytes] | None = None,
    presents: Iterable[Present] = (),
    session: int = 1,
    version: int = 1,
) -> Snapshot:
    """What a look at a view shows that holds no class yet."""
    states = {present.value: present for present in presents}
    return Snapshot(journal_id, positions or {}, loading or {}, states, session, version)


def a_member(
    slot: int = 0,
    epoch: int = 1,
    *,
    serving: Iterable[int] = (),
    restoring: Iterable[int] = (),
    retiring: Iterable[int] = (),
) -> Member:
    """A live replica whose view is empty."""
    return Member(slot, epoch, frozenset(serving), frozenset(restoring), frozenset(retiring))


def a_status(
    slot: int = 0,
    epoch: int = 1,
    *,
    serving: Mapping[int, int] | Iterable[int] = (),
    restoring: Iterable[int] = (),
    retiring: Iterable[int] = (),
    at_ms: int = NOW_MS,
    values: int = 0,
    leaving: bool = False,
    full: bool = False,
) -> Status:
    """What a replica says that serves nothing. Classes in `serving` without a lag, and all in `retiring`, have none."""
    lags = dict(serving) if isinstance(serving, Mapping) else dict.fromkeys(serving, 0)
    lags = dict.fromkeys(retiring, 0) | lags
    return Status(slot, epoch, at_ms, lags, frozenset(restoring), frozenset(retiring), values, leaving, full)


def a_page(*values: int) -> Page:
    """The whole answer for one prime in one class, with these small values."""
    return Page(join_members(map(a_member_text, values)), None)


def an_answer(class_id: int = 0, *pages: Page) -> Answered:
    """The part of a frame that answers for a class; without pages, one prime that no value has."""
    return Answered(class_id, pages or (a_page(),))


def a_refusal(class_id: int = 0, reason: RefusalReason = RefusalReason.NOT_SERVING) -> Refused:
    """The part of a frame that refuses a class."""
    return Refused(class_id, reason)


def a_question(
    question_id: bytes = b"question",
    *,
    reply_to: int = 0,
    primes: Sequence[int] = (2,),
    read_index: Mapping[int, int] | Collection[int] = (0,),
    as_of_ms: int = NOW_MS,
    deadline_ms: int = NOW_MS + 5_000,
) -> Question:
    """A question for one prime in class 0, as of now; classes in `read_index` without an offset are wanted as of 0."""
    wanted = dict(read_index) if isinstance(read_index, Mapping) else dict.fromkeys(read_index, 0)
    return Question(question_id, reply_to, primes, ReadIndex(as_of_ms, wanted), deadline_ms)
