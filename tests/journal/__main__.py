"""Switch each rule off, and say after how many steps the walks find a counter-example: the rows of `docs/promises.md`.

    python -m tests.journal [-v]

`-v` tells each counter-example step by step.
"""

import sys

from tests.journal.rules import SWITCHES
from tests.journal.switches import Switch
from tests.journal.walk import CounterExampleError


def counter_example_without(switch: Switch) -> CounterExampleError | None:
    """Return the first counter-example without the rule of `switch`."""
    try:
        with switch.off():
            switch.search(seed=0)
    except CounterExampleError as counter_example:
        return counter_example
    return None


def main(*, is_told: bool) -> None:
    """Write a row for each switch, and its counter-example below it if that is to be told."""
    for switch in SWITCHES:
        found = counter_example_without(switch)
        steps = "none" if found is None else f"{found.steps:_}".replace("_", " ")
        sys.stdout.write(f"| {switch.rule} | {switch.name} | {switch.place} | {steps} |\n")
        sys.stdout.write(f"{found}\n" if is_told else "")
        sys.stdout.flush()


if __name__ == "__main__":
    main(is_told="-v" in sys.argv[1:])
