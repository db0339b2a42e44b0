"""How a reading is asked for: every page comes, none is large, and no write asks for much."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.layout import Layout
from factorsvc.adapters.redis.pages import PAGE_BYTES, Pages
from factorsvc.domain.ports.storage import Want
from factorsvc.domain.question import Page
from tests.builders import NOW_MS, a_position

LAYOUT = Layout(3)
PAGE_MEMBERS = 500
GLANCE = 100
MEMBER_BYTES = 20

Sets = Mapping[bytes, Sequence[bytes]]


def a_set(members: int, member_bytes: int = MEMBER_BYTES) -> list[bytes]:
    return [b"%d " % number + b"2" * (member_bytes - len(b"%d " % number)) for number in range(members)]


def reply(sets: Sets, command: Command) -> Any:
    """What a server says that has `sets`, none of whose members expires."""
    name, key, *arguments = command
    assert isinstance(key, bytes)
    members = sets[key]
    match name, *arguments:
        case ["ZCARD"]:
            return len(members)
        case ["ZSCAN", bytes(begin), "COUNT", int(count)]:
            end = int(begin) + count
            scanned = [text for member in members[int(begin) : end] for text in (member, b"inf")]
            return [b"%d" % end if end < len(members) else b"0", scanned]
        case ["ZRANGEBYSCORE", _, _, "LIMIT", 0, int(limit)]:
            return members[:limit]
        case _:
            assert name == "ZRANGEBYSCORE"
            return members


def cost(answer: Sequence[Any]) -> int:
    """The members of an answer; one that was scanned counts five times."""
    scanned = answer[1] if isinstance(answer[1], list) else None
    return len(answer) if scanned is None else 5 * len(scanned) // 2


def read(sets: Sets, wants: Sequence[Want]) -> tuple[list[Page], list[int]]:
    """The pages, and what each write after the first looks has cost the server."""
    pages = Pages(LAYOUT, wants, NOW_MS, PAGE_MEMBERS)
    replies = [reply(sets, command) for command in pages.glances()]
    pages.take_glances(replies, {want.class_id: a_position() for want in wants})
    pages.take_sizes([reply(sets, command) for command in pages.sizes()])
    loads = []
    for batch in pages.batches():
        replies = [reply(sets, query.command) for query in batch]
        pages.take(batch, replies)
        loads.append(sum(map(cost, replies)))
    return pages.in_order(), loads


@given(st.lists(st.one_of(st.integers(0, 3 * GLANCE), st.integers(0, 3 * PAGE_MEMBERS)), min_size=1, max_size=12))
def test_every_set_comes_whole_or_with_a_cursor_and_no_write_asks_for_more_than_a_page(sizes: list[int]) -> None:
    sets = {LAYOUT.index(b"2", class_id): a_set(size) for class_id, size in enumerate(sizes)}
    pages, loads = read(sets, [Want(2, class_id) for class_id in range(len(sizes))])
    for size, page in zip(sizes, pages, strict=True):
        found = page.members.split(b"\n") if page.members else []
        assert (page.cursor is None) == (size <= PAGE_MEMBERS)
        assert found == a_set(size)[: len(found)]
        assert len(found) == (size if page.cursor is None else PAGE_MEMBERS // 5)
    assert all(load <= PAGE_MEMBERS for load in loads)


def test_sets_that_are_small_need_no_second_look() -> None:
    """The more sets there are, the smaller: one write asks for about a page in all."""
    for number, members in ((1, PAGE_MEMBERS), (2, PAGE_MEMBERS // 2), (50, GLANCE)):
        wants = [Want(2, class_id) for class_id in range(number)]
        sets = {LAYOUT.index(b"2", class_id): a_set(members) for class_id in range(number)}
        pages = Pages(LAYOUT, wants, NOW_MS, PAGE_MEMBERS)
        pages.take_glances([reply(sets, command) for command in pages.glances()], {})
        assert pages.sizes() == []
        assert list(pages.batches()) == []
        assert len(pages.in_order()) == number


@pytest.mark.parametrize("number", [1, 2], ids=["seen whole at first", "seen in part"])
def test_a_set_of_few_but_large_members_is_walked(number: int) -> None:
    """P9 is about bytes."""
    large = 2 * PAGE_BYTES // PAGE_MEMBERS
    for members, is_walked in ((PAGE_MEMBERS, True), (PAGE_MEMBERS // 3, False)):
        sets = {LAYOUT.index(b"2", class_id): a_set(members, large) for class_id in range(number)}
        pages, _ = read(sets, [Want(2, class_id) for class_id in range(number)])
        assert [page.cursor is not None for page in pages] == [is_walked] * number
        assert all(len(page.members) <= PAGE_BYTES for page in pages)


def test_a_walk_goes_on_at_its_cursor_to_the_end() -> None:
    sets = {LAYOUT.index(b"2", 0): a_set(3 * PAGE_MEMBERS)}
    found: list[bytes] = []
    want = Want(2, 0)
    while True:
        ((page,), _) = read(sets, [want])
        found += page.members.split(b"\n")
        if page.cursor is None:
            break
        assert page.cursor.load_id == a_position().load_id
        want = Want(2, 0, page.cursor)
    assert found == a_set(3 * PAGE_MEMBERS)
