"""What the keys of one database are called and what stands in them (design 7); the rest of the package asks here.

All text is bytes and stays bytes: a member goes from the journal into a set and from there into an answer as it is.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from factorsvc.domain.record import Present
from factorsvc.domain.restoration import Position

JOURNAL = b"journal"
"""Field of the view: the id of the journal that it was made from."""
EPOCH = b"epoch"
"""Field of the view: the epoch of the last claim."""
WRITTEN = b"written"
"""Field of the view that every transaction writes, so that whoever watches the view notices each of them."""
FOR_EVER = b"+inf"
"""Score of a member that does not expire."""

_LOADING = b"loading "
_NEVER = b"-"


class Layout:
    """The keys of one slot. None of another slot begins the same, which is what the slot's user is confined by."""

    def __init__(self, slot: int) -> None:
        """Name the keys of `slot`."""
        self._prefix = b"s%d:" % slot
        self.lease = self._prefix + b"lease"
        """String, the only key that the server lets expire: the token of the holder."""
        self.view = self._prefix + b"view"
        """Hash: journal id, epoch, and by class its position, or the load id while it is being loaded."""

    def values(self, class_id: int) -> bytes:
        """Hash: the state of each value of a class."""
        return b"%bv:%d" % (self._prefix, class_id)

    def hints(self, class_id: int) -> bytes:
        """Sorted set: values of a class by expiry, those that expire. A hint only, the state decides."""
        return b"%bx:%d" % (self._prefix, class_id)

    def index(self, prime: bytes, class_id: int) -> bytes:
        """Sorted set: members of a class that have a prime, by expiry."""
        return b"%bp:%b:%d" % (self._prefix, prime, class_id)


def field_of(number: int) -> bytes:
    """The field, or the member of a set, that stands for a class or a value."""
    return b"%d" % number


def position_text(position: Position) -> bytes:
    """What the view says of a class that is loaded whole."""
    return b"%d %d %b" % (position.next_offset, position.verified_at_ms, position.load_id)


def loading_text(load_id: bytes) -> bytes:
    """What the view says of a class whose cold load was begun. It has no position, as there is one field for both."""
    return _LOADING + load_id


@lru_cache(maxsize=1024)
def position_in(text: bytes | None) -> Position | None:
    """The position that the view says a class has, if any.

    Remembered, as most texts are seen again shortly after: at the other end of a reading, and in the next one.
    """
    if text is None or text.startswith(_LOADING):
        return None
    next_offset, verified_at_ms, load_id = text.split(b" ", 2)
    return Position(load_id, int(next_offset), int(verified_at_ms))


def loading_in(text: bytes | None) -> bytes | None:
    """The load id of a class whose cold load was begun and not ended, if it is one."""
    if text is None or not text.startswith(_LOADING):
        return None
    return text.removeprefix(_LOADING)


def positions_in(classes: Iterable[int], texts: Iterable[bytes | None]) -> dict[int, Position]:
    """The positions of those of `classes` that have one; `texts` are what the view says of each, in their order."""
    positions = zip(classes, map(position_in, texts), strict=True)
    return {class_id: position for class_id, position in positions if position is not None}


def loading_among(classes: Iterable[int], texts: Iterable[bytes | None]) -> dict[int, bytes]:
    """The load ids of those of `classes` that are being loaded; `texts` as for `positions_in`."""
    loading = zip(classes, map(loading_in, texts), strict=True)
    return {class_id: load_id for class_id, load_id in loading if load_id is not None}


def present_text(present: Present) -> bytes:
    """What stands under a value: its expiry, its factors and the put_id, which is last as any byte may be in it."""
    expiry = _NEVER if present.expires_at_ms is None else b"%d" % present.expires_at_ms
    factors = present.member[present.member.index(b" ") + 1 :]
    return b"%b %b %b" % (expiry, factors, present.put_id)


def present_in(value: bytes, text: bytes) -> Present:
    """The state of a value."""
    expiry, factors, put_id = text.split(b" ", 2)
    return Present(int(value), put_id, b"%b %b" % (value, factors), None if expiry == _NEVER else int(expiry))


def score_of(present: Present) -> bytes | int:
    """The score of a value's members: the time from which it is gone."""
    return FOR_EVER if present.expires_at_ms is None else present.expires_at_ms


def live_members(scanned: Sequence[bytes], as_of_ms: int) -> Iterable[bytes]:
    """The members among those scanned, alternating with their scores, that had not expired then; each once."""
    pairs = zip(scanned[::2], scanned[1::2], strict=True)
    return dict.fromkeys(member for member, expires_at_ms in pairs if float(expires_at_ms) > as_of_ms)
