"""What replicas say to each other, as bytes (design 9): questions and frames compact, for each GET waits for them.

The first byte is the version of the whole, the second says what follows. A text is its length and itself; members go as
they are, never escaped or parsed. Whatever cannot be read was written by another version, or by somebody else: it is
passed over, as a message that was lost would be, and its sender asks again.

    question    id, reply_to, deadline, as_of, primes, classes with their offsets, cursor
    frame       id, slot, parts: class, and pages or the reason of a refusal
    page        members, cursor
    cursor      whether there is one, load_id, position
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from struct import Struct
from typing import Final

from factorsvc.adapters.kafka.byte_reader import ByteReader
from factorsvc.domain.question import (
    Answered,
    Cursor,
    Frame,
    Message,
    Page,
    Part,
    Question,
    ReadIndex,
    RefusalReason,
    Refused,
)

VERSION: Final = 1
_QUESTION: Final = 1
_FRAME: Final = 2
_HEAD: Final = Struct(">BB")
_LENGTH: Final = Struct(">I")
_QUESTION_FACTS: Final = Struct(">BqqHH")
_CLASS_OFFSET: Final = Struct(">Hq")
_FRAME_FACTS: Final = Struct(">BH")
_PART: Final = Struct(">HBH")
_ANSWERED: Final = 0
_CODES: Final = {
    RefusalReason.NOT_SERVING: 1,
    RefusalReason.TOO_LATE: 2,
    RefusalReason.GONE: 3,
    RefusalReason.OVERLOADED: 4,
}
_REASONS: Final = {code: reason for reason, code in _CODES.items()}


def message_bytes(message: Message) -> bytes:
    """What `message` looks like in a mailbox."""
    pieces = _question_pieces(message) if isinstance(message, Question) else _frame_pieces(message)
    return b"".join(pieces)


def message_in(value: bytes | None) -> Message | None:
    """What a record of a mailbox says; None: nothing that this version can read."""
    reader = ByteReader(value or b"")
    try:
        read = _READERS.get(reader.unpack(_HEAD))
        message = None if read is None else read(reader)
    except (struct.error, ValueError, KeyError):
        return None
    return message if reader.is_at_end else None


def _question_pieces(question: Question) -> Iterator[bytes]:
    moment = question.read_index
    yield _HEAD.pack(VERSION, _QUESTION)
    yield from _text(question.question_id)
    yield _QUESTION_FACTS.pack(
        question.reply_to, question.deadline_ms, moment.as_of_ms, len(question.primes), len(moment.offsets)
    )
    for prime in question.primes:
        yield from _text(prime.to_bytes((prime.bit_length() + 7) // 8, "big"))
    for class_id, offset in moment.offsets.items():
        yield _CLASS_OFFSET.pack(class_id, offset)
    yield from _cursor_pieces(question.cursor)


def _question(reader: ByteReader) -> Question:
    question_id = reader.text()
    reply_to, deadline_ms, as_of_ms, primes, classes = reader.unpack(_QUESTION_FACTS)
    return Question(
        question_id,
        reply_to,
        tuple(int.from_bytes(reader.text(), "big") for _ in range(primes)),
        ReadIndex(as_of_ms, dict(reader.unpack_many(_CLASS_OFFSET, classes))),
        deadline_ms,
        _cursor(reader),
    )


def _frame_pieces(frame: Frame) -> Iterator[bytes]:
    yield _HEAD.pack(VERSION, _FRAME)
    yield from _text(frame.question_id)
    yield _FRAME_FACTS.pack(frame.slot, len(frame.parts))
    for part in frame.parts:
        match part:
            case Refused(class_id, reason):
                yield _PART.pack(class_id, _CODES[reason], 0)
            case Answered(class_id, pages):
                yield _PART.pack(class_id, _ANSWERED, len(pages))
                for page in pages:
                    yield from _text(page.members)
                    yield from _cursor_pieces(page.cursor)


def _frame(reader: ByteReader) -> Frame:
    question_id = reader.text()
    slot, parts = reader.unpack(_FRAME_FACTS)
    return Frame(question_id, slot, [_part(reader) for _ in range(parts)])


def _part(reader: ByteReader) -> Part:
    class_id, code, pages = reader.unpack(_PART)
    if code != _ANSWERED:
        return Refused(class_id, _REASONS[code])
    return Answered(class_id, tuple(Page(reader.text(), _cursor(reader)) for _ in range(pages)))


_READERS: Final[Mapping[tuple[int, int], Callable[[ByteReader], Message]]] = {
    (VERSION, _QUESTION): _question,
    (VERSION, _FRAME): _frame,
}


def _cursor_pieces(cursor: Cursor | None) -> Iterator[bytes]:
    if cursor is None:
        yield b"\0"
        return
    yield b"\1"
    yield from _text(cursor.load_id)
    yield from _text(cursor.position)


def _cursor(reader: ByteReader) -> Cursor | None:
    return Cursor(reader.text(), reader.text()) if reader.flag() else None


def _text(text: bytes) -> Iterator[bytes]:
    yield _LENGTH.pack(len(text))
    yield text
