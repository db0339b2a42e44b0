"""Histories written by hand, one operation a line.

    0-1    post 120 60 ttl=5       stored between 0 s and 1 s
    0-1    refused 120             answered that nothing is stored
    0-1    unknown 120 until=9     answered that nobody knows; takes effect before 9 s or never
    0-     unknown 120             never answered, and no deadline
    2-3    get 5 -> 120            a GET and its answer
    2-3    get 5 failed            a 503
    4      note kill r2

What starts at the time at which something else ends overlaps it.
"""

from collections.abc import Iterable

from tests.checker.history import History, Outcome

OUTCOMES = {"post": Outcome.STORED, "refused": Outcome.NOTHING_STORED, "unknown": Outcome.UNKNOWN}


def factored(values: Iterable[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Values with their prime factors, by trial division."""
    return [(value, tuple(_factors(value))) for value in values]


def _factors(value: int) -> Iterable[int]:
    divisor = 2
    while value > 1:
        while value % divisor == 0:
            yield divisor
            value //= divisor
        divisor += 1


def history_of(story: str) -> History:
    """The history that `story` tells."""
    history = History()
    numbers: dict[int, int] = {}
    steps: list[tuple[float, bool, int, list[str]]] = []
    for line_number, line in enumerate(filter(str.strip, story.splitlines())):
        span, *words = line.split()
        start, _, end = span.partition("-")
        steps.append((float(start), False, line_number, words))
        if end:
            steps.append((float(end), True, line_number, words))
    for at_s, is_answer, line_number, (verb, *words) in sorted(steps):
        if is_answer:
            _answer(history, numbers[line_number], at_s, verb, words)
        else:
            numbers[line_number] = _send(history, at_s, verb, words)
    return history


def _send(history: History, at_s: float, verb: str, words: list[str]) -> int:
    if verb == "note":
        history.note(" ".join(words), at_s=at_s)
        return 0
    if verb == "get":
        return history.get("client", int(words[0]), at_s=at_s)
    options = dict(word.split("=") for word in words if "=" in word)
    values = [int(word) for word in words if "=" not in word]
    ttl_s, deadline_s = (float(options[key]) if key in options else None for key in ("ttl", "until"))
    return history.post("client", values, at_s=at_s, ttl_s=ttl_s, deadline_s=deadline_s)


def _answer(history: History, number: int, at_s: float, verb: str, words: list[str]) -> None:
    if verb != "get":
        history.post_answered(number, OUTCOMES[verb], at_s=at_s)
    elif words[1] == "failed":
        history.get_answered(number, None, at_s=at_s)
    else:
        history.get_answered(number, factored(map(int, words[2:])), at_s=at_s)
