"""Judge a recorded history: `python -m tests.checker FILE [--epsilon-s SECONDS]`.

Prints the report. Exit status: 0 valid, 1 invalid, 2 unknown (or not called like this).
"""

import argparse
import sys
from pathlib import Path

from tests.checker.checker import Verdict, check
from tests.checker.history import History


def main(arguments: list[str]) -> int:
    """Judge the file that `arguments` name, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker", description="Judge a recorded history.")
    parser.add_argument("file", type=Path, help="one JSON object a line, as History.lines() gives them")
    parser.add_argument("--epsilon-s", type=float, default=0.0, help="how far the clocks of replicas may be off")
    options = parser.parse_args(arguments)
    with options.file.open() as lines:
        report = check(History.parse(lines), epsilon_s=options.epsilon_s)
    sys.stdout.write(f"{report}\n")
    return {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNKNOWN: 2}[report.verdict]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
