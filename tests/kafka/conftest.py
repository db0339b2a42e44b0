"""A real broker, with topics of the test alone, for what the contracts do not say of it."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.kafka_server import KafkaServer
from tests.servers.kafka_administrator import KafkaAdministrator
from tests.servers.kafka_broker import KafkaBroker


@pytest.fixture
async def server(kafka_broker: KafkaBroker) -> AsyncIterator[KafkaServer]:
    server = KafkaServer(kafka_broker)
    await server.open()
    yield server
    await server.close()


@pytest.fixture
async def administrator(kafka_broker: KafkaBroker) -> AsyncIterator[KafkaAdministrator]:
    async with KafkaAdministrator(kafka_broker) as administrator:
        yield administrator
