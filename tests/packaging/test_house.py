"""House rules that no linter knows."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.checkout import ROOT

SOURCE = ROOT / "src" / "factorsvc"
LONGEST_FILE = 300
LONGEST_FUNCTION = 60


def _modules(folder: Path = SOURCE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _imported_packages(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        match node:
            case ast.Import(names):
                yield from (name.name.partition(".")[0] for name in names)
            case ast.ImportFrom(module=str(name)):
                yield name.partition(".")[0]
            case _:
                pass


def _name(module: Path) -> str:
    return str(module.relative_to(SOURCE))


@pytest.mark.parametrize("layer", ["domain", "application"])
def test_core_needs_nothing_but_the_standard_library(layer: str) -> None:
    """The contracts of import-linter name the libraries of today; this one also stops those of tomorrow."""
    allowed = {"factorsvc", *sys.stdlib_module_names}

    assert {(_name(m), p) for m in _modules(SOURCE / layer) for p in _imported_packages(m) if p not in allowed} == set()


@pytest.mark.parametrize("module", _modules(), ids=_name)
def test_file_holds_one_idea(module: Path) -> None:
    """A file that grew long holds a second idea; a function that grew long hides one."""
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST_FILE

    lengths = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in _functions(module)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}
