"""GET: every stored value that has a prime factor, all of the server or nothing (P5)."""

import asyncio
from collections.abc import AsyncGenerator

from factorsvc.application.answer import Answer
from factorsvc.application.round import Found
from factorsvc.application.rounds import Rounds
from factorsvc.application.workspace import Workspace
from factorsvc.domain.errors import NotPrimeError, NumberTooLargeError
from factorsvc.domain.question import ReadIndex
from factorsvc.domain.value import join_members, value_of

_PULL_TRIES = 2


class FindValues:
    """Finds values through the rounds of one claim."""

    def __init__(self, work: Workspace, rounds: Rounds) -> None:
        """Find through `rounds`."""
        self._factorizer = work.around.factorizer
        self._policy = work.policy
        self._rounds = rounds

    async def find(self, prime: int) -> Answer:
        """Return all values stored with prime factor `prime`, as of some moment after this call, each once.

        When it returns, every class is covered. What is large is left to be pulled, at the pace of whoever takes it.

        Raises:
            NumberTooLargeError: `prime` is longer than the limit; it was not tested.
            NotPrimeError: it is no prime.
            NotCoveredError: some class could not be answered in time.
            NotReadyError: the replica lost its slot.
        """
        if prime.bit_length() > self._policy.max_bits:
            raise NumberTooLargeError(self._policy.max_bits)
        if not self._factorizer.is_prime(prime):
            raise NotPrimeError(prime)
        deadline = asyncio.get_running_loop().time() + self._policy.query_timeout_s
        as_of, found = await self._rounds.ask(prime, deadline)
        whole = [one.page.members for one in found if one.page.cursor is None and one.page.members]
        begun = [one for one in found if one.page.cursor is not None]
        return Answer(whole, self._pull(prime, as_of, begun) if begun else None)

    async def _pull(self, prime: int, as_of: ReadIndex, begun: list[Found]) -> AsyncGenerator[bytes, None]:
        """Give the pages of the classes of which only the first is there, one after the other, each member once."""
        for found in begun:
            seen: set[int] = set()
            last: Found | None = found
            while last is not None:
                fresh = _unseen(last.page.members, seen)
                if fresh:
                    yield fresh
                last = None if last.page.cursor is None else await self._next(prime, as_of, last)

    async def _next(self, prime: int, as_of: ReadIndex, last: Found) -> Found:
        """Return the page after `last`, or the first one of the class from elsewhere if that can no longer be had.

        Beginning a class again is exact: what was given before is remembered, and what is read now is at least as new
        as the read index.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._policy.query_timeout_s
        for _ in range(_PULL_TRIES):
            following = await self._rounds.ask_on(prime, last, as_of, deadline)
            if following is not None:
                return following
        return await self._rounds.ask_class(prime, last.class_id, as_of, deadline)


def _unseen(page: bytes, seen: set[int]) -> bytes:
    """The members of `page` whose values are not in `seen`, which is told of them."""
    fresh = []
    for member in page.split(b"\n") if page else ():
        value = value_of(member)
        if value not in seen:
            seen.add(value)
            fresh.append(member)
    return join_members(fresh)
