"""Take each piece of safety out in a copy of the source, run its test, and complain when that stays green.

python -m tests.proof [NAME ...]
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.proof.break_ import Break
from tests.proof.breaks import BREAKS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


def goes_red(broken: Break) -> bool:
    """Tell whether the test of `broken` fails, by an assertion or an error of its own, in a copy that is broken."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(SOURCE, copy)
        file = copy / "factorsvc" / broken.file
        file.write_text(file.read_text().replace(broken.before, broken.after))
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", broken.test],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    return run.returncode == 1


def main(names: list[str]) -> int:
    """Prove all breaks, or those named; the number of tests that stayed green."""
    green = 0
    for broken in BREAKS:
        if not names or broken.name in names:
            red = goes_red(broken)
            green += not red
            print(f"{'red  ' if red else 'GREEN'} {broken.promise:7} {broken.name}: {broken.test}", flush=True)
    return green


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
