"""Every story of this folder comes out as it is written, whatever the chance."""

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.scenarios.runner import tell
from tests.scenarios.script import Script, read
from tests.scenarios.simulated_world import SimulatedWorld
from tests.simulation.run import run

STORIES = sorted(Path(__file__).parent.glob("*.txt"))
SEEDS = 40

each_story = pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)


def told(script: Script, seed: int) -> str:
    """The story as it comes out."""
    return script.text(run(lambda loop: tell(script, SimulatedWorld(loop, seed)), seed=seed))


def expect(path: Path, text: str, teller: str = "as it is told now") -> None:
    """Fail with a diff unless `text` is what is written in the story at `path`."""
    lines = unified_diff(path.read_text().splitlines(), text.splitlines(), str(path), teller, n=5, lineterm="")
    if difference := "\n".join(lines):
        pytest.fail(difference, pytrace=False)


@each_story
def test_story(path: Path, pytestconfig: pytest.Config) -> None:
    """The story prints what is written in it; its first line names the promises that it tells."""
    text = told(read(path), seed=0)
    if pytestconfig.getoption("rewrite"):
        path.write_text(text)
    expect(path, text)


@pytest.mark.soak
@each_story
def test_no_chance_changes_a_story(path: Path) -> None:
    """It comes out the same with other delays, another order of steps, other slots."""
    script = read(path)
    for seed in range(1, SEEDS):
        expect(path, told(script, seed), f"told with seed {seed}")


def test_the_stories_tell_the_promises() -> None:
    """Each promise is told by some story, but P1: no other database, which only a real server can refuse."""
    promises = {promise for path in STORIES for promise in read(path).promises}
    assert promises == {f"P{number}" for number in range(2, 10)}
