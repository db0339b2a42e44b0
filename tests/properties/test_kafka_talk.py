"""The laws of what replicas say to each other, as bytes: read as it was written, and nothing else is taken for it."""

from hypothesis import example, given
from hypothesis import strategies as st

from factorsvc.adapters.kafka import messages, statuses
from factorsvc.adapters.kafka.messages import message_bytes, message_in
from factorsvc.adapters.kafka.statuses import status_bytes, status_in
from factorsvc.domain.question import (
    Answered,
    Cursor,
    Frame,
    Message,
    Page,
    Question,
    ReadIndex,
    RefusalReason,
    Refused,
)
from factorsvc.domain.status import Status
from tests.builders import a_page, a_question, a_status, an_answer

texts = st.binary(max_size=40)
slots = st.integers(0, 15)
class_ids = st.integers(0, 1_000)
counts = st.integers(0, 2**63 - 1)
cursors = st.none() | st.builds(Cursor, texts, texts)
primes = st.integers(2, 2**1024)
read_indices = st.builds(ReadIndex, counts, st.dictionaries(class_ids, counts, max_size=61))
questions = st.builds(Question, texts, slots, st.lists(primes, max_size=32).map(tuple), read_indices, counts, cursors)
pages = st.builds(Page, texts, cursors)
parts = st.builds(Answered, class_ids, st.lists(pages, max_size=3).map(tuple)) | st.builds(
    Refused, class_ids, st.sampled_from(RefusalReason)
)
frames = st.builds(Frame, texts, slots, st.lists(parts, max_size=5))
some = st.frozensets(class_ids, max_size=61)
status_values = st.builds(
    Status, slots, counts, counts, st.dictionaries(class_ids, counts), some, some, counts, st.booleans(), st.booleans()
)


@given(questions | frames)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    """Every prime and offset, members of any bytes, each reason and cursor."""
    assert message_in(message_bytes(message)) == message


@given(questions | frames, st.data())
def test_half_a_message_is_nothing(message: Message, data: st.DataObject) -> None:
    """A message that was cut off anywhere, or goes on, is not taken for another one."""
    written = message_bytes(message)
    end = data.draw(st.integers(0, len(written) - 1))

    assert message_in(written[:end]) is None
    assert message_in(written + b"\0") is None


@given(st.none() | st.binary(max_size=80))
@example(b"")
@example(bytes([messages.VERSION]))
def test_what_somebody_else_sent_is_nothing_or_a_message(value: bytes | None) -> None:
    """Any bytes can be looked at."""
    found = message_in(value)

    assert found is None or message_in(message_bytes(found)) == found


@given(questions | frames, st.integers(0, 255))
def test_a_message_of_another_version_is_nothing(message: Message, version: int) -> None:
    """Its sender takes silence for a refusal."""
    written = bytes([version]) + message_bytes(message)[1:]

    assert (message_in(written) is None) == (version != messages.VERSION)


def test_members_go_as_they_are() -> None:
    """A frame is little more than its members; a question for one prime in all classes is small."""
    members = b"120 2,2,2,3,5\n" * 20_000

    assert len(message_bytes(Frame(b"q" * 16, 3, [Answered(7, [Page(members, None)])]))) < len(members) + 50
    assert len(message_bytes(a_question(read_index=range(61)))) < 61 * 10 + 60


@given(status_values)
def test_a_status_is_read_as_it_was_written(status: Status) -> None:
    """Classes with their lags, and every flag."""
    assert status_in(status_bytes(status)) == status


@given(st.none() | st.binary(max_size=80) | st.binary(max_size=80).map(bytes([statuses.VERSION]).__add__))
@example(bytes([statuses.VERSION]) + b"[" * 100_000)
@example(bytes([statuses.VERSION]) + b"{}")
@example(bytes([statuses.VERSION]) + b"[1]")
@example(bytes([statuses.VERSION]) + status_bytes(a_status())[1:].replace(b'"slot":0', b'"slot":"0"'))
@example(bytes([statuses.VERSION]) + status_bytes(a_status())[1:].replace(b'"serving":[]', b'"serving":[3]'))
@example(bytes([statuses.VERSION + 1]) + status_bytes(a_status())[1:])
@example(message_bytes(Frame(b"", 0, [an_answer(1, a_page(2))])))
def test_what_somebody_else_says_is_no_status(value: bytes | None) -> None:
    """Whatever lies in the log, a reader goes on."""
    assert status_in(value) is None
