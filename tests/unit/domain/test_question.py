"""Questions and frames: a read index for some classes, and parts packed into frames."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factorsvc.domain.question import Answered, Page, Part, ReadIndex, pack
from tests.builders import NOW_MS, a_refusal, an_answer

parts = st.lists(
    st.integers(0, 60).flatmap(
        lambda class_id: (
            st.just(a_refusal(class_id))
            | st.lists(st.binary(max_size=20), min_size=1, max_size=3).map(
                lambda texts: an_answer(class_id, *(Page(text, None) for text in texts))
            )
        )
    )
)


def size_of(part: Part) -> int:
    """The bytes of a part's members."""
    return sum(len(page.members) for page in part.pages) if isinstance(part, Answered) else 0


def test_a_read_index_of_some_classes_is_of_the_same_moment() -> None:
    assert ReadIndex(NOW_MS, {0: 10, 1: 11, 2: 12}).of([2, 0]) == ReadIndex(NOW_MS, {0: 10, 2: 12})


def test_a_read_index_has_nothing_to_say_of_other_classes() -> None:
    with pytest.raises(KeyError):
        ReadIndex(NOW_MS, {0: 10}).of([1])


def test_no_parts_need_no_frame() -> None:
    assert pack(b"question", 3, [], limit=100) == []


def test_a_frame_is_full_when_the_next_part_does_not_fit() -> None:
    sizes = [4, 6, 1, 20, 3]
    answers = [an_answer(class_id, Page(b"." * size, None)) for class_id, size in enumerate(sizes)]

    frames = pack(b"question", 3, answers, limit=10)

    assert [[size_of(part) for part in frame.parts] for frame in frames] == [[4, 6], [1], [20], [3]]
    assert {(frame.question_id, frame.slot) for frame in frames} == {(b"question", 3)}


@given(parts, st.integers(0, 60))
def test_frames_hold_all_parts_in_order_and_none_could_take_the_first_of_the_next(
    parts: list[Part], limit: int
) -> None:
    frames = pack(b"question", 3, parts, limit)
    sizes = [[size_of(part) for part in frame.parts] for frame in frames]

    assert [part for frame in frames for part in frame.parts] == parts
    assert all(frame.parts for frame in frames)
    assert all(sum(size) <= limit or len(size) == 1 for size in sizes)
    assert all(sum(size) + following[0] > limit for size, following in pairwise(sizes))
