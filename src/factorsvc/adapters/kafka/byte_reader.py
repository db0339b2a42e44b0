"""Reading a message's bytes from their beginning to their end, and never beyond."""

from struct import Struct
from typing import Any, Final

_LENGTH: Final = Struct(">I")


class ByteReader:
    """Each method reads on from where the one before has ended, and raises struct.error or ValueError if not."""

    def __init__(self, data: bytes) -> None:
        """Begin at the beginning of `data`."""
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        """Tell whether all has been read."""
        return self._at == len(self._data)

    def unpack(self, layout: Struct) -> tuple[Any, ...]:
        """Read fields that are laid out like that."""
        fields = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return fields

    def unpack_many(self, layout: Struct, count: int) -> list[tuple[Any, ...]]:
        """Read `count` times fields that are laid out like that."""
        return list(layout.iter_unpack(self._bytes(layout.size * count)))

    def text(self) -> bytes:
        """Read a length and so many bytes."""
        (length,) = self.unpack(_LENGTH)
        return self._bytes(length)

    def flag(self) -> bool:
        """Read a byte that is 0 or 1."""
        byte = self._bytes(1)
        if byte not in (b"\0", b"\1"):
            raise ValueError(byte)
        return byte == b"\1"

    def _bytes(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise ValueError(count)
        found = self._data[self._at : end]
        self._at = end
        return found
