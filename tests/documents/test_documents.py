"""What README and docs say is so."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import running
from tests.documents.settings_table import README, rewritten

ROOT = README.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_the_table_of_settings_is_the_settings() -> None:
    """Each variable with its default and meaning; `python -m tests.documents.settings_table` writes it anew."""
    assert README.read_text() == rewritten(README.read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """Links between documents, and from them to code and tests, are to files that exist."""
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert not missing


@pytest.mark.may_block
def test_the_commands_of_the_readme_give_what_it_shows() -> None:
    """The first screen is true: each command, run on a cluster in memory, prints the lines below it."""
    block = README.read_text().partition("```console\n")[2].partition("```")[0]
    shown = [part.partition("\n")[::2] for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with running("dev", "--memory", "--port", port, settings={"log_level": "error"}) as command:
        while "Ready" not in command.line():
            pass
        for line, output in shown:
            run = subprocess.run(
                ["/bin/sh", "-c", line.replace("8080", port)], capture_output=True, text=True, check=True
            )
            assert run.stdout.strip() == output.strip()
    assert len(shown) == 2
