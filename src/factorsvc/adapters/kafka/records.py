"""What the journal's records look like as bytes (design 6).

    record      key                 value
    put         <value>:<put_id>    version, expires_at, append_by, factors
    tombstone   <value>:<put_id>    null
    name        journal:<id>        version

A value is written in decimal and its factors as in a member, so that a member is made of both without a number being
parsed. Whatever has another key was written by somebody else and means nothing to us. Under a key of ours, on the other
hand, something that cannot be read may be a put of a newer version: to pass it over would be to lose it.
"""

import re
from struct import Struct
from typing import Final, NamedTuple

from factorsvc.domain.record import PUT_ID_BYTES, Put, PutKey, Tombstone


class JournalName(NamedTuple):
    """Names a journal, if it is the first to do so."""

    journal_id: bytes


class Keyed(NamedTuple):
    """A record as the client takes it."""

    key: bytes
    value: bytes | None


class UnreadableError(Exception):
    """A record under a key of ours that this version cannot read. `value` is what it is about."""

    def __init__(self, value: int) -> None:
        """Say which."""
        super().__init__(f"the journal has a record of {value} that this version cannot read")
        self.value = value


VERSION: Final = 1
_NAME: Final = b"journal:"
_PUT_KEY: Final = re.compile(rb"([1-9][0-9]{0,999}):(.{%d})" % PUT_ID_BYTES, re.DOTALL)
_HEAD: Final = Struct(">Bqq")
_NEVER: Final = -1
_DIGITS: Final = b"0123456789,"


def put_record(put: Put) -> Keyed:
    """The record of a put."""
    expires_at_ms = _NEVER if put.expires_at_ms is None else put.expires_at_ms
    factors = put.member[put.member.index(b" ") + 1 :]
    return Keyed(_put_key(put.key), _HEAD.pack(VERSION, expires_at_ms, put.append_by_ms) + factors)


def tombstone_record(key: PutKey) -> Keyed:
    """The record that lets compaction forget a put."""
    return Keyed(_put_key(key), None)


def name_record(journal_id: bytes) -> Keyed:
    """The record that names a journal. Its value is not null, as it is to stay."""
    return Keyed(_NAME + journal_id, bytes([VERSION]))


def record_in(key: bytes | None, value: bytes | None) -> Put | Tombstone | JournalName | None:
    """What a record says; None: it is none of ours.

    Raises:
        UnreadableError: it may be a put, and cannot be read.
    """
    put_key = _PUT_KEY.fullmatch(key or b"")
    if put_key is None:
        return _name_in(key, value)
    number, put_id = put_key.groups()
    if value is None:
        return Tombstone(int(number), put_id)
    factors = value[_HEAD.size :]
    if len(value) < _HEAD.size or value[0] != VERSION or factors.translate(None, _DIGITS):
        raise UnreadableError(int(number))
    _, expires_at_ms, append_by_ms = _HEAD.unpack_from(value)
    expiry = None if expires_at_ms == _NEVER else expires_at_ms
    return Put(int(number), put_id, b"%b %b" % (number, factors), expiry, append_by_ms)


def _name_in(key: bytes | None, value: bytes | None) -> JournalName | None:
    if key is None or value is None or not key.startswith(_NAME):
        return None
    return JournalName(key.removeprefix(_NAME))


def _put_key(key: PutKey) -> bytes:
    return b"%d:%b" % (key.value, key.put_id)
