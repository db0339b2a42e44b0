"""This checkout as the packaging tests see it: its files, what it declares, and its own uv."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")  # make put it beside the interpreter that runs this
LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
SERVERS_LOCK = ROOT / "requirements-servers.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def supported_pythons() -> list[str]:
    """Return the versions that the package says it runs on, oldest first: "3.11", "3.12" ..."""
    said = (
        re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in PROJECT["project"]["classifiers"]
    )
    return [match[1] for match in said if match]


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what could lead a child to this checkout or configure the service."""
    ours = ("FACTORSVC_", "PYTHON", "VIRTUAL_ENV", "COVERAGE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def uv(*arguments: str | Path) -> None:
    """Run uv; what it says goes to the terminal, or with the failing test.

    Raises:
        CalledProcessError: it failed.
    """
    subprocess.run([UV, *arguments], cwd=ROOT, env=clean_environment(), check=True)


def make_environment(at: Path, python: str | Path, lock: Path, *projects: str | Path) -> Path:
    """Make a virtual environment of exactly what `lock` pins, and `projects`; return its folder of commands."""
    commands = at / "bin"
    if not (commands / "python").exists():
        uv("venv", "--quiet", "--python", python, at)
    uv("pip", "sync", "--quiet", "--python", commands / "python", "--require-hashes", lock)
    uv("pip", "install", "--quiet", "--python", commands / "python", "--no-deps", *projects)
    return commands
