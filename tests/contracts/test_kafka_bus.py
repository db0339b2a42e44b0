"""The bus on Kafka keeps the contract of its port, on a real broker."""

import secrets
from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.assembly import kafka_bus
from factorsvc.adapters.kafka.bus import KafkaBus
from tests.contracts.cluster_bus_contract import BusServer, ClusterBusContract
from tests.contracts.kafka_server import KafkaServer
from tests.contracts.kafka_talk_servers import SHORT
from tests.servers.kafka_broker import KafkaBroker


class KafkaBusServer(KafkaServer, BusServer):
    """A broker without topics at first."""

    def client(self) -> KafkaBus:
        return self.admit(self._bus)

    def _bus(self, access: Access) -> KafkaBus:
        return kafka_bus(access, self.layout(), SHORT, secrets.token_bytes)


class TestKafkaBus(ClusterBusContract):
    """`KafkaBus`."""

    @pytest.fixture
    async def server(self, kafka_broker: KafkaBroker) -> AsyncIterator[KafkaBusServer]:
        server = KafkaBusServer(kafka_broker)
        await server.open()
        yield server
        await server.close()
