"""What every `ClusterBus` promises beyond its four ports. A binding gives the fixture `server`."""

import asyncio
from abc import abstractmethod

import pytest

from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.journal import NoReceipt
from tests.builders import a_member, a_put, a_question, a_status
from tests.contracts.server import PATIENCE_S, SOON_S, TroubledServer, later, read_class, records_of, within
from tests.contracts.statuses_contract import begin_reading

CLASSES = 7


class BusServer(TroubledServer):
    """A server with everything that replicas share, for `CLASSES` classes."""

    @abstractmethod
    def client(self) -> ClusterBus:
        """Return the access of one more replica."""


class ClusterBusContract:
    """The promises of `ClusterBus`."""

    async def test_replicas_meet_on_one_bus(self, server: BusServer) -> None:
        """Two replicas have the same journal, the same group, the same statuses and each other's mailbox."""
        here, there = server.client(), server.client()
        assert await within(here.journal.open()) == await within(there.journal.open())
        await within(there.mailbox.open(5))
        await begin_reading(there.statuses)

        await within(here.journal.append([a_put(3)], later()))
        await within(here.mailbox.send(5, [a_question()]))
        await within(here.statuses.publish(a_status()))
        await within(here.placement.join(lambda: a_member(0)))

        assert len(records_of(await read_class(there.journal, 3))) == 1
        assert (await within(there.mailbox.take(PATIENCE_S))).messages == [a_question()]
        assert (await within(there.statuses.take(PATIENCE_S))).statuses == [a_status()]
        assert (await within(here.placement.changed(None))).placement == dict.fromkeys(range(CLASSES), 0)
        await within(here.close())
        await within(there.close())

    async def test_close_leaves_appends_in_doubt(self, server: BusServer) -> None:
        """An append under way when the bus is closed has no answer: it may land or not."""
        bus = server.client()
        await within(bus.journal.open())
        await server.postpone()
        async with asyncio.TaskGroup() as group:
            appending = group.create_task(within(bus.journal.append([a_put(3)], later())))
            await within(server.postponed())
            await within(bus.close())

        assert appending.result() == [NoReceipt.UNKNOWN]
        await server.heal()

    @pytest.mark.parametrize("trouble", ["heal", "silence", "refuse"])
    async def test_close_is_final_idempotent_and_bounded(self, server: BusServer, trouble: str) -> None:
        """Whatever the server does, closing ends; afterwards nothing is sent, and nothing waits for ever."""
        bus, other = server.client(), server.client()
        await within(other.journal.open())
        await within(bus.journal.open())
        await within(bus.mailbox.open(5))
        await getattr(server, trouble)()

        await within(bus.close())
        await within(bus.close())

        await server.heal()
        assert await within(bus.journal.append([a_put(3)], later())) == [NoReceipt.NOT_SENT]
        for refused in (
            bus.journal.open(),
            bus.journal.bury([a_put(3).key]),
            bus.journal.end_offsets(),
            bus.statuses.publish(a_status()),
            bus.mailbox.open(5),
            bus.mailbox.send(5, [a_question()]),
            bus.placement.join(lambda: a_member(0)),
        ):
            with pytest.raises(JournalUnavailableError):
                await within(refused)
        assert await within(bus.journal.take(10, SOON_S)) == []
        assert not (await within(bus.statuses.take(SOON_S))).statuses
        assert not (await within(bus.mailbox.take(SOON_S))).messages
        assert (await within(other.journal.end_offsets()))[3] == 0
