"""Whether what was read of a view may be answered: the read index, as etcd's raft has it in `read_only.go` (P5).

The positions before the read must have reached the read index, and the load ids before and after must be the one that
the reader was told of. Then the class was there whole, up to that index, during all of the read; a wipe, a drop, or a
new load in between shows in one of them.
"""

from enum import Enum, auto

from factorsvc.domain.restoration import Position


class Trust(Enum):
    """What a reader may make of a class."""

    GOOD = auto()
    """Answer with it."""
    BEHIND = auto()
    """The stored view is older than was believed: wait until it has caught up."""
    GONE = auto()
    """It is not the view that was expected."""


def trust(before: Position | None, after: Position | None, load_id: bytes, read_index: int) -> Trust:
    """Judge one class of a reading, expected to be of load `load_id` and wanted as of `read_index`."""
    if before is None or after is None or before.load_id != load_id or after.load_id != load_id:
        return Trust.GONE
    return Trust.GOOD if before.next_offset >= read_index else Trust.BEHIND
