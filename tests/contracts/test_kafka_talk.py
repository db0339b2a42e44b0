"""Statuses, mailboxes and placement on Kafka keep the contracts of their ports, on a real broker."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.kafka_talk_servers import KafkaGroupServer, KafkaMailServer, KafkaStatusServer
from tests.contracts.mailbox_contract import MailboxContract
from tests.contracts.placement_contract import PlacementContract
from tests.contracts.statuses_contract import StatusLogContract
from tests.servers.kafka_broker import KafkaBroker


class TestKafkaStatusLog(StatusLogContract):
    """`KafkaStatusLog`."""

    @pytest.fixture
    async def server(self, kafka_broker: KafkaBroker) -> AsyncIterator[KafkaStatusServer]:
        server = KafkaStatusServer(kafka_broker)
        await server.open()
        await server.make_topics()
        yield server
        await server.close()


class TestKafkaMailbox(MailboxContract):
    """`KafkaMailbox`."""

    @pytest.fixture
    async def server(self, kafka_broker: KafkaBroker) -> AsyncIterator[KafkaMailServer]:
        server = KafkaMailServer(kafka_broker)
        await server.open()
        await server.make_topics()
        yield server
        await server.close()


class TestKafkaPlacementGroup(PlacementContract):
    """`KafkaPlacementGroup`."""

    @pytest.fixture
    async def server(self, kafka_broker: KafkaBroker) -> AsyncIterator[KafkaGroupServer]:
        server = KafkaGroupServer(kafka_broker)
        await server.open()
        yield server
        await server.close()
