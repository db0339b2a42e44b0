"""What every `StatusLog` promises, whatever is behind it. A binding gives the fixture `server`."""

import asyncio
from abc import abstractmethod
from itertools import count

import pytest

from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.statuses import StatusBatch, StatusLog
from factorsvc.domain.status import Status
from tests.builders import a_status
from tests.contracts.server import MOMENTS, PATIENCE_S, SOON_S, TroubledServer, cut_short, under_way, within


class StatusServer(TroubledServer):
    """A server with a status log."""

    @abstractmethod
    def client(self) -> StatusLog:
        """Return the access of one more replica."""

    @abstractmethod
    def now_ms(self) -> int:
        """Return broker time."""

    @abstractmethod
    async def cut(self) -> None:
        """Remove all statuses that there are."""


PROBES = 15
"""The slot of statuses that are only there to see how far a reader is."""


async def statuses_of(log: StatusLog, wanted: int) -> list[Status]:
    """Take until there were `wanted` statuses but probes; there must be no gap."""
    statuses: list[Status] = []
    while len(statuses) < wanted:
        batch = await within(log.take(PATIENCE_S))
        assert not batch.gap
        statuses += [status for status in batch.statuses if status.slot != PROBES]
    return statuses


async def begin_reading(log: StatusLog) -> list[Status]:
    """Return once a status that was published is read back, with all that was read before it; nothing is left then."""
    statuses: list[Status] = []
    for number in count():
        probe = a_status(slot=PROBES, epoch=number)
        await within(log.publish(probe))
        batch = await within(log.take(SOON_S))
        assert not batch.gap
        statuses += batch.statuses
        if probe in statuses:
            return statuses
    raise AssertionError


class StatusLogContract:
    """The promises of `StatusLog`."""

    @pytest.fixture
    async def log(self, server: StatusServer) -> StatusLog:
        """One replica's access, which reads from here on."""
        log = server.client()
        await begin_reading(log)
        return log

    async def test_publish_returns_broker_time(self, server: StatusServer, log: StatusLog) -> None:
        """The append time is the broker's: broker clocks are set by it (design 6)."""
        before_ms = server.now_ms()

        assert before_ms <= await within(log.publish(a_status())) <= server.now_ms()

    async def test_all_read_all_in_one_order(self, server: StatusServer, log: StatusLog) -> None:
        """Everybody reads everybody's statuses, one's own included, and in the same order."""
        other = server.client()
        await begin_reading(other)
        said = [a_status(slot=number % 2, epoch=7, serving={3: number}, restoring=[5]) for number in range(20)]
        async with asyncio.TaskGroup() as group:
            for number, status in enumerate(said):
                group.create_task(within((other if number % 2 else log).publish(status)))

        read = await statuses_of(log, 20)

        assert await statuses_of(other, 20) == read
        assert sorted(read, key=lambda status: status.serving[3]) == said

    async def test_the_past_does_not_matter(self, server: StatusServer, log: StatusLog) -> None:
        """A newcomer reads from the end, and its first take is no gap."""
        await within(log.publish(a_status(slot=1)))
        newcomer = server.client()

        assert a_status(slot=1) not in await begin_reading(newcomer)

        await within(log.publish(a_status(slot=2)))
        assert await statuses_of(newcomer, 1) == [a_status(slot=2)]

    async def test_nothing_said(self, log: StatusLog) -> None:
        """`take` waits no longer than it was told to."""
        assert await within(log.take(SOON_S)) == StatusBatch([], gap=False)
        assert await within(log.take(0)) == StatusBatch([], gap=False)

    async def test_publish_ends_the_waiting_of_take(self, log: StatusLog) -> None:
        """A status is read when it comes, not when the time of a take is over."""
        async with asyncio.TaskGroup() as group:
            taking = await under_way(group, log.take(100 * PATIENCE_S))
            await within(log.publish(a_status()))

        assert taking.result() == StatusBatch([a_status()], gap=False)

    async def test_cancelled_take_loses_nothing(self, log: StatusLog) -> None:
        """Each status is returned by one take, those included that came while a take was cancelled."""
        said = [a_status(epoch=number) for number in range(len(MOMENTS))]
        read: list[Status] = []
        for status, turns in zip(said, MOMENTS, strict=True):
            batch = await cut_short(log.take(PATIENCE_S), log.publish(status), turns)
            read += batch.statuses if batch else []

        assert read + await statuses_of(log, len(said) - len(read)) == said

    async def test_gap(self, server: StatusServer, log: StatusLog) -> None:
        """Statuses that were removed unread are a gap, reported once and before those that came after it."""
        await within(log.publish(a_status(slot=1)))
        await server.cut()
        await within(log.publish(a_status(slot=2)))

        batch = await within(log.take(PATIENCE_S))

        assert batch.gap
        assert list(batch.statuses) == [a_status(slot=2)] or await statuses_of(log, 1) == [a_status(slot=2)]
        await within(log.publish(a_status(slot=3)))
        assert await statuses_of(log, 1) == [a_status(slot=3)]

    @pytest.mark.parametrize("trouble", ["silence", "postpone", "refuse"])
    async def test_publish_out_of_reach(self, server: StatusServer, log: StatusLog, trouble: str) -> None:
        """Not acknowledged in time it raises; the log goes on afterwards."""
        await getattr(server, trouble)()

        with pytest.raises(JournalUnavailableError):
            await within(log.publish(a_status(slot=1)))

        await server.heal()
        await within(log.publish(a_status(slot=2)))
        read = await statuses_of(log, 1)
        while read[-1] != a_status(slot=2):
            read += await statuses_of(log, 1)
        assert read in ([a_status(slot=2)], [a_status(slot=1), a_status(slot=2)])

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_unreachable_log_is_silence(self, server: StatusServer, log: StatusLog, trouble: str) -> None:
        """`take` returns nothing when its time is over, and later goes on where it was."""
        await within(log.publish(a_status()))
        await getattr(server, trouble)()

        assert await within(log.take(SOON_S)) == StatusBatch([], gap=False)

        await server.heal()
        assert await statuses_of(log, 1) == [a_status()]
