"""The life of a class: the table, and the two pictures of it, which must show what the table says."""

from itertools import product
from pathlib import Path

import pytest

from factorsvc.domain import class_life
from factorsvc.domain.class_life import ANSWERING, TRANSITIONS, ClassEvent, ClassLife, IllegalTransitionError, advance

PAGE = Path(__file__).parents[3] / "docs" / "class-life.md"


def diagram() -> str:
    """The picture of `docs/class-life.md`, from the table."""
    arrows = [f"    {a.name} --> {b.name}: {event.name}" for (a, event), b in TRANSITIONS.items()]
    picture = "\n".join(["stateDiagram-v2", "    [*] --> ABSENT", *arrows])
    return picture.lower().replace("statediagram", "stateDiagram").replace("_", " ")


def word_at(rows: list[str], row: int, column: int) -> str:
    """The word of a drawn picture that covers a place."""
    return rows[row][rows[row].rfind(" ", 0, column) + 1 :].split()[0]


def end_of(rows: list[str], row: int, column: int, down: int, right: int) -> str:
    """The word that a drawn arrow points to: followed from a place on it, round its corners, to its head."""
    while rows[row][column] not in ">^":
        if rows[row][column] == "'":
            right_or_left = 1 if rows[row][column + 1] == "-" else -1
            down, right = (0, right_or_left) if down else (-1, 0)
        row, column = row + down, column + right
    return word_at(rows, row, column + 2) if right else word_at(rows, row - 1, column)


def arrows_of(rows: list[str]) -> set[tuple[str, str]]:
    """From which word to which the arrows of a drawn picture lead: they leave a word to the right, or downwards."""
    arrows = set()
    for row, column in product(range(len(rows)), range(2, len(rows[0]))):
        if rows[row][column] == "-" and rows[row][column - 2].isalpha():
            arrows.add((word_at(rows, row, column - 2), end_of(rows, row, column, down=0, right=1)))
        if rows[row][column] == "|" and rows[row - 1][column].isalpha():
            arrows.add((word_at(rows, row - 1, column), end_of(rows, row, column, down=1, right=0)))
    return arrows


@pytest.mark.parametrize("life", ClassLife)
@pytest.mark.parametrize("event", ClassEvent)
def test_an_event_leads_where_the_table_says_and_nowhere_else(life: ClassLife, event: ClassEvent) -> None:
    if (life, event) in TRANSITIONS:
        assert advance(life, event) is TRANSITIONS[life, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"^{event.name} in {life.name}$"):
            advance(life, event)


def test_a_class_is_answered_for_while_it_is_served_here_or_not_yet_elsewhere() -> None:
    assert {ClassLife.SERVING, ClassLife.RETIRING} == ANSWERING


def test_the_picture_in_the_docstring_has_the_arrows_of_the_table() -> None:
    """Each transition is an arrow, and each arrow a transition."""
    picture = [row for row in (class_life.__doc__ or "").splitlines() if row.startswith("    ")]
    width = max(map(len, picture))

    assert arrows_of([row.ljust(width) for row in picture]) == {
        (before.name.lower(), after.name.lower()) for (before, _), after in TRANSITIONS.items()
    }


def test_the_picture_in_the_documentation_is_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```\n" in PAGE.read_text(), f"{PAGE.name} must have this picture:\n{diagram()}"
