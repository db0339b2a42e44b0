"""A partition of the log in memory."""

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.memory.partition import Partition


def a_partition(records: str, *, without: str = "") -> Partition[str]:
    """One letter a ms from 0 on, with holes where the letters of `without` were."""
    partition = Partition[str]()
    for at_ms, record in enumerate(records):
        partition.append([record], at_ms)
    partition.replace([stored for stored in partition.records if stored.record not in without])
    return partition


def text(partition: Partition[str]) -> str:
    return "".join(stored.record for stored in partition.records)


def test_reading_passes_holes_over() -> None:
    partition = a_partition("abcdefg", without="cdg")

    read = partition.read(1, 1)
    assert (read.start, read.end, [stored.record for stored in read.records]) == (1, 4, ["b"])
    read = partition.read(3, 5)
    assert (read.start, read.end, [stored.record for stored in read.records]) == (3, 7, ["e", "f"])
    assert partition.read(6, 5)[:2] == (6, 7)
    assert partition.read(7, 5)[:2] == (7, 7)
    assert partition.backlog(2) == 2


@given(st.sets(st.sampled_from("abcdefgh")), st.integers(1, 9))
def test_slices_follow_each_other_to_the_end(gone: set[str], limit: int) -> None:
    partition = a_partition("abcdefgh", without="".join(sorted(gone)))

    position, read = 0, ""
    while position < partition.end:
        piece = partition.read(position, limit)
        assert piece.start == position < piece.end
        position, read = piece.end, read + "".join(stored.record for stored in piece.records)

    assert read == text(partition)


def test_cutting_moves_the_start_and_only_forward() -> None:
    partition = a_partition("abcd")

    partition.cut(2)
    partition.cut(1)

    assert (text(partition), partition.start, partition.end) == ("cd", 2, 4)
    assert [partition.has(offset) for offset in (1, 2, 4, 5)] == [False, True, True, False]
    partition.cut(9)
    assert (text(partition), partition.start, partition.end) == ("", 4, 4)


def test_cutting_by_age() -> None:
    partition = a_partition("abcd")

    partition.cut_older(2)
    assert (text(partition), partition.start) == ("cd", 2)
    partition.cut_older(99)
    assert (text(partition), partition.start) == ("", 4)


def test_removal_keeps_offsets() -> None:
    partition = a_partition("abc", without="c")

    partition.append("d", 9)

    assert [(stored.offset, stored.record) for stored in partition.records] == [(0, "a"), (1, "b"), (3, "d")]
