"""The format of stories: what is read, how it is written again, and that whatever is wrong is named with its line."""

from pathlib import Path

import pytest

from tests.scenarios.grammar import Step, steps_of
from tests.scenarios.script import ScriptError, parse

HEADER = "# P5: a story\n"


def step(line: str) -> Step:
    """The only command of a story."""
    return steps_of(parse(HEADER + line, Path("story.txt")))[0]


def test_a_story_is_written_as_it_was_read() -> None:
    """Comments, empty lines and commands stay; each output is followed by an empty line."""
    text = (
        HEADER
        + "\n# one\nreplicas 2\n    two lines\n    of output\n\ntick 1s\ntick 2s\n\n# two\nget 5\n    200 nothing\n"
    )
    script = parse(text, Path("story.txt"))
    assert script.promises == ["P5"]
    assert script.text(["two lines\nof output", "", "", "200 nothing"]) == text


def test_output_is_set_off_from_what_follows() -> None:
    """What printed nothing before and prints something now gets its empty line; the old output is gone."""
    script = parse(HEADER + "tick 1s\ntick 2s\n    old\n# remark", Path("story.txt"))
    assert script.text(["new", ""]) == HEADER + "tick 1s\n    new\n\ntick 2s\n# remark\n"


def test_words_and_options_become_arguments() -> None:
    """By the signature of the verb: numbers and ranges, plain integers, times, events, and a name without its unit."""
    assert step("post 120 2..8/2 5..7 -1 ttl=5 via=2")[1:] == (
        "post",
        (range(120, 121), range(2, 9, 2), range(5, 8), range(-1, 0)),
        {"ttl_s": 5, "via": 2},
    )
    assert step("tick 2m").words == (120.0,)
    assert step("cluster classes=7 retention=20s").options == {"classes": 7, "retention_s": 20.0}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "begins with its promises"),
        ("replicas 2\n", 1, "begins with its promises"),
        ("# it has no promise\n", 1, "begins with its promises"),
        (HEADER + "    output\n", 2, "output that belongs to no command"),
        (HEADER + "tick 1s\n\n    output\n", 4, "output that belongs to no command"),
        (HEADER + "get 5 via=1 via=2\n", 2, "an option is given twice"),
        (HEADER + "\nfly 2\n", 3, "there is no verb `fly`"),
        (HEADER + "_target 2\n", 2, "there is no verb `_target`"),
        (HEADER + "get\n", 2, "get: missing a required argument: 'prime'"),
        (HEADER + "get 5 7\n", 2, "get: too many positional arguments"),
        (HEADER + "get 5 ttl=2\n", 2, "get: got an unexpected keyword argument 'ttl_s'"),
        (HEADER + "get five\n", 2, "get: `five` is not an integer"),
        (HEADER + "post 1..\n", 2, "post: `1..` is not a number, or numbers like 2..98/2"),
        (HEADER + "tick 6\n", 2, "tick: `6` is not a time like 6s"),
        (HEADER + "redis explode\n", 2, "redis: `explode` is not down, up, full, room, wipe, save, crash"),
        (HEADER + "tick 1s\ncluster classes=7\n", 3, "the cluster has its shape already"),
        (HEADER + "wait\nget 5 &\n", 3, "there is no `wait` for this"),
        (HEADER + "begin-load\n", 2, "there is no `end-load` for this"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, message: str) -> None:
    """Before anything of the story is told."""
    with pytest.raises(ScriptError) as raised:
        steps_of(parse(text, Path("tests/story.txt")))
    assert str(raised.value).startswith(f"tests/story.txt:{line}: ")
    assert message in str(raised.value)
