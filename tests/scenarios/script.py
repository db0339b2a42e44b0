"""The format of a story: read, checked, and written again with other output. No cluster in sight.

Like the scripts of etcd's raft, but since no command takes more than a line, its output is set off by its indent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_INDENT = "    "
_HEADER = re.compile(r"# (P[1-9](?:, P[1-9])*): \S.*")
_OPTION = re.compile(r"([a-z_]+)=(.*)")
_IN_BACKGROUND = "&"


class ScriptError(Exception):
    """A story that cannot be told. The message names the file and the line."""


class Command(NamedTuple):
    """One command of a story."""

    path: Path
    line: int
    """Counted from 1."""
    text: str
    """As it was written."""
    verb: str
    words: Sequence[str]
    options: dict[str, str]
    in_background: bool
    """It ended in `&`: its output comes at the next `wait`."""

    @property
    def foreground(self) -> str:
        """As it was written, without its `&`."""
        return self.text.removesuffix(_IN_BACKGROUND).rstrip()

    def error(self, what: str) -> ScriptError:
        """An error of this command."""
        return _error(self.path, self.line, what)


@dataclass(frozen=True, slots=True)
class Script:
    """A story."""

    path: Path
    promises: Sequence[str]
    """Which promises it tells: `P1` to `P9`."""
    items: Sequence[Command | str]
    """Commands, and the comments and empty lines between them."""

    @property
    def commands(self) -> list[Command]:
        """The commands, in order."""
        return [item for item in self.items if isinstance(item, Command)]

    def text(self, outputs: Sequence[str]) -> str:
        """The story with `outputs`, one for each command; empty: it prints nothing.

        An output is followed by an empty line, unless it is the last.
        """
        lines: list[str] = []
        left = iter(outputs)
        for item in self.items:
            if item and lines and lines[-1].startswith(_INDENT):
                lines.append("")
            if isinstance(item, str):
                lines.append(item)
            else:
                lines.append(item.text)
                lines += [_INDENT + line for line in next(left).splitlines()]
        return "\n".join(lines).rstrip() + "\n"


def read(path: Path) -> Script:
    """Read the story at `path`, without the output that it has.

    Raises:
        ScriptError: it names no promise, or has output that belongs to no command.
    """
    return parse(path.read_text(), path)


def parse(text: str, path: Path) -> Script:
    """The story that `text` is, read from `path`. Raises as `read` does."""
    lines = text.splitlines()
    header = _HEADER.fullmatch(lines[0]) if lines else None
    if header is None:
        raise _error(path, 1, "a story begins with its promises: `# P4, P5: what it tells`")
    items: list[Command | str] = []
    takes_output = False
    for number, line in enumerate(lines, start=1):
        if line.startswith(" ") and line.strip():
            if not takes_output:
                raise _error(path, number, "output that belongs to no command")
        elif not line.strip() or line.startswith("#"):
            items.append(line.strip())
            takes_output = False
        else:
            items.append(_command(path, number, line.strip()))
            takes_output = True
    return Script(path, header[1].split(", "), items)


def _command(path: Path, number: int, text: str) -> Command:
    verb, *rest = text.split()
    in_background = rest[-1:] == [_IN_BACKGROUND]
    words = [word for word in rest if not _OPTION.fullmatch(word) and word != _IN_BACKGROUND]
    options = [(match[1], match[2]) for word in rest if (match := _OPTION.fullmatch(word))]
    if len(dict(options)) < len(options):
        raise _error(path, number, "an option is given twice")
    return Command(path, number, text, verb, words, dict(options), in_background)


def _error(path: Path, line: int, what: str) -> ScriptError:
    return ScriptError(f"{path}:{line}: {what}")
