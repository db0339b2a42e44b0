"""Run the fast suites under every supported Python that this machine has, and say which those were.

`python -m tests.packaging.pythons`. The Python of `.venv` has run everything already and is left out; each other one
gets an environment `.venv-3.x` from the same lock.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.packaging.checkout import DEV_LOCK, ROOT, clean_environment, make_environment, supported_pythons

FAST_SUITES = ["tests/unit", "tests/contracts", "tests/http", "tests/redis/test_connection.py"]
SLOW_ONES = ["--ignore-glob", "tests/contracts/test_[kr]*"]
QUIETLY = ["-q", "-p", "no:cacheprovider"]


def find_python(version: str) -> Path | None:
    """Return an interpreter of this version, or None. pyenv's own ones come first: its commands on PATH are shims."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = sorted(pyenv.glob(f"{version}.*/bin/python"))
    if on_path := shutil.which(f"python{version}"):
        candidates.append(Path(on_path))
    for candidate in candidates:
        asked = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, check=False, text=True).stdout.strip() == version:
            return candidate
    return None


def passes(version: str, python: Path) -> bool:
    """Whether the fast suites pass under `python`."""
    print(f"== Python {version}: {python}", flush=True)
    commands = make_environment(ROOT / f".venv-{version}", python, DEV_LOCK, "--editable", ROOT)
    tests = subprocess.run(
        [commands / "python", "-m", "pytest", *QUIETLY, *SLOW_ONES, *FAST_SUITES],
        cwd=ROOT,
        env=clean_environment(),
        check=False,
    )
    return tests.returncode == 0


def main() -> int:
    """Test under each Python there is; return 0 if all passed."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {version: find_python(version) for version in supported_pythons() if version != own}
    passed = {version: passes(version, python) for version, python in found.items() if python}
    words = {True: "passed", False: "FAILED", None: "not on this machine, not tested"}
    print("== Pythons")
    print(f"   {own}: runs make itself, everything is tested under it")
    for version in found:
        print(f"   {version}: {words[passed.get(version)]}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
