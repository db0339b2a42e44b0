"""What finding values gives: the pages at hand, and those still to be pulled (design 9)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """All members that have the prime asked for, each once, in no order.

    Every class is covered: what is left to fail is only that a page of `more` can no longer be had.
    """

    pages: Sequence[bytes]
    """Non-empty pages of members (`factorsvc.domain.value.json_of`) that are in hand; none if nothing was found."""
    more: AsyncGenerator[bytes, None] | None = None
    """Further non-empty pages, each pulled when it is asked for; None if there are none.

    Whoever takes the answer closes it (`aclose`) in any case, also without having begun it. Raises NotCoveredError
    in the middle if the rest cannot be had: what was given so far is then too short and must not pass for an answer.
    """
