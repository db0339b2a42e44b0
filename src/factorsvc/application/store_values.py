"""POST: factor all numbers, append all of them to the journal, answer (P4, P8)."""

import asyncio
from collections.abc import Sequence

from factorsvc.application.workspace import Workspace
from factorsvc.domain.errors import (
    BatchTooLargeError,
    ClusterFullError,
    InvalidNumberError,
    InvalidTtlError,
    NotReadyError,
    NotStoredError,
    NumberTooLargeError,
    OutcomeUnknownError,
)
from factorsvc.domain.record import PUT_ID_BYTES, Put
from factorsvc.domain.value import FactoredValue
from factorsvc.domain.verdict import Verdict, verdict


class StoreValues:
    """Stores values through the journal; no database is waited for, because a GET waits for the journal instead."""

    def __init__(self, work: Workspace) -> None:
        """Store into the journal of `work`."""
        self._factorizer = work.around.factorizer
        self._journal = work.journal
        self._clock = work.clock
        self._broker_clock = work.broker_clock
        self._map = work.map
        self._policy = work.policy
        self._new_id = work.around.new_id

    async def store(self, numbers: Sequence[int], ttl_s: int | None) -> list[FactoredValue]:
        """Factor and store `numbers` for `ttl_s` seconds, None: for ever; return them in their order, doubles included.

        When it returns, all are durable and every later GET sees them. Any error but OutcomeUnknownError means that
        nothing is or will be stored. Cancelled, the outcome is unknown.

        Raises:
            BatchTooLargeError, InvalidNumberError, NumberTooLargeError, InvalidTtlError: bad input.
            FactoringTimeoutError, OverloadedError: a number could not be factored in time.
            NotReadyError: the broker's time is not known yet.
            ClusterFullError: a live replica's database is full.
            NotStoredError: nothing was appended in time.
            OutcomeUnknownError: not every append was acknowledged in time; some may take effect before the deadline.
        """
        self._check(numbers, ttl_s)
        factor_by = asyncio.get_running_loop().time() + self._policy.factor_timeout_s
        distinct = list(dict.fromkeys(numbers))
        factors = await self._factorizer.factor(distinct, factor_by)
        factored = {
            value: FactoredValue(value, prime_factors) for value, prime_factors in zip(distinct, factors, strict=True)
        }
        await self._append(list(factored.values()), ttl_s, latest=factor_by + self._policy.append_timeout_s)
        return [factored[number] for number in numbers]

    def _check(self, numbers: Sequence[int], ttl_s: int | None) -> None:
        if len(numbers) > self._policy.max_batch:
            raise BatchTooLargeError(self._policy.max_batch)
        for index, number in enumerate(numbers):
            if number < 1:
                raise InvalidNumberError(index)
            if number.bit_length() > self._policy.max_bits:
                raise NumberTooLargeError(self._policy.max_bits, index)
        if ttl_s is not None and not 1 <= ttl_s <= self._policy.max_ttl_s:
            raise InvalidTtlError(self._policy.max_ttl_s)

    async def _append(self, values: Sequence[FactoredValue], ttl_s: int | None, latest: float) -> None:
        """Append one put for each of `values`, once; none of them counts if it lands after the instant `latest`.

        That is counted from the POST's arrival: a replica that froze while it factored must not begin to append when
        it wakes up, long after its client has given up.
        """
        if not values:
            return
        if self._map.full:
            raise ClusterFullError(self._map.full)
        deadline = min(asyncio.get_running_loop().time() + self._policy.append_timeout_s, latest)
        append_by_ms = self._broker_clock.at_ms(deadline)
        if append_by_ms is None:
            raise NotReadyError("the broker's time is not known yet")
        expires_at_ms = None if ttl_s is None else self._clock.now_ms() + ttl_s * 1000
        puts = [
            Put(value.value, self._new_id(PUT_ID_BYTES), value.member, expires_at_ms, append_by_ms) for value in values
        ]
        outcome = verdict(puts, await self._journal.append(puts, deadline))
        if outcome is Verdict.NOTHING:
            raise NotStoredError("nothing was appended in time")
        if outcome is Verdict.UNKNOWN:
            raise OutcomeUnknownError("not every append was acknowledged in time")
