"""One piece of safety, and what shows that it is needed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """One piece of safety taken out: in `file`, `before` becomes `after`, and `test` must fail."""

    name: str
    promise: str
    file: str
    before: str
    after: str
    test: str
