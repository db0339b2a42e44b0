"""Saying what this replica does, and hearing what the others do (design 9).

The same acknowledgements teach the replica the broker's time, without which it takes no POST (design 6).
"""

import asyncio

from factorsvc.application.rounds import Rounds
from factorsvc.application.workspace import Workspace
from factorsvc.domain.class_life import ClassLife
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.status import Status


class StatusExchange:
    """One replica's part in the status log during one claim."""

    def __init__(self, work: Workspace, rounds: Rounds) -> None:
        """Speak for what is in the custody of `work`, and keep its map; `rounds` are told when that has changed."""
        self._epoch = work.claim.epoch
        self._statuses = work.around.bus.statuses
        self._clock = work.clock
        self._broker_clock = work.broker_clock
        self._custody = work.custody
        self._map = work.map
        self._changed = work.changed
        self._policy = work.policy
        self._rounds = rounds
        self.leaving = False

    def status(self) -> Status:
        """What there is to say now."""
        custody = self._custody
        return Status(
            slot=custody.slot,
            epoch=self._epoch,
            at_ms=self._clock.now_ms(),
            serving={class_id: custody.lag(class_id) for class_id in sorted(custody.answering)},
            restoring=custody.living(ClassLife.RESTORING),
            retiring=custody.living(ClassLife.RETIRING),
            values=custody.values,
            leaving=self.leaving,
            full=custody.full,
        )

    def leave(self) -> None:
        """Say from now on that this replica is leaving."""
        self.leaving = True
        self._custody.changed.fire()

    async def speak(self) -> None:
        """Publish a status at each change and every second; one that does not get through is made anew."""
        loop = asyncio.get_running_loop()
        while True:
            said = self.status()
            try:
                stamp_ms = await self._statuses.publish(said)
            except JournalUnavailableError:
                await asyncio.sleep(self._policy.retry_s)
                continue
            self._broker_clock.sample(loop.time(), stamp_ms)
            if _news(self.status()) == _news(said):
                await self._custody.changed.wait_until(loop.time() + self._policy.status_interval_s)

    async def listen(self) -> None:
        """Keep the map by what is published, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            heard = await self._statuses.take(self._policy.take_timeout_s)
            now = loop.time()
            if heard.gap:
                self._map.forget()
            for status in heard.statuses:
                self._map.hear(status, now)
            lapsed = self._map.lapse(now)
            if heard.statuses or heard.gap or lapsed:
                self._rounds.reconsider(lapsed)
                self._changed.fire()


def _news(status: Status) -> tuple[object, ...]:
    """The part of a status whose change is worth a new one at once; lags and counts change all the time."""
    return frozenset(status.serving), status.restoring, status.retiring, status.leaving, status.full
