"""What README and docs say is so."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import running
from tests.documents.generated import GENERATED, ROOT, rewritten
from tests.proof.breaks import BREAKS

README = ROOT / "README.md"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", GENERATED)
def test_what_is_made_from_the_code_is_as_the_code(document: str) -> None:
    """The tables of settings and of breaks; `python -m tests.documents.generated` writes them anew."""
    assert (ROOT / document).read_text() == rewritten(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """Links between documents, and from them to code and tests, are to files that exist."""
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert not missing


def test_every_file_that_promises_md_names_exists() -> None:
    """What shows a promise is there, and so is each break that is named."""
    text = (ROOT / "docs/promises.md").read_text()
    missing = [name for name in set(re.findall(r"`(tests/[\w/.]+)", text)) if not (ROOT / name).exists()]
    assert not missing
    named = set(re.findall(r"`([a-z]+(?:-[a-z']+)+)`", text))
    assert named <= {broken.name for broken in BREAKS}


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
