"""`KafkaJournal` keeps the contract of its port, on a real broker."""

import secrets
from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.kafka.journal import KafkaJournal
from tests.contracts.journal_contract import JournalContract
from tests.contracts.journal_reading_contract import JournalReadingContract
from tests.contracts.journal_server import CLASSES, JournalServer
from tests.contracts.kafka_server import KafkaServer
from tests.servers.kafka_broker import KafkaBroker


class KafkaJournalServer(KafkaServer, JournalServer):
    """A broker without topics at first."""

    def client(self, classes: int = CLASSES) -> KafkaJournal:
        return self.admit(lambda access: KafkaJournal(access, self.layout(classes), secrets.token_bytes))

    async def cut(self, class_id: int, start: int) -> None:
        await self.cut_topic(self.layout().journal, class_id, start)


class TestKafkaJournal(JournalContract, JournalReadingContract):
    """`KafkaJournal`."""

    @pytest.fixture
    async def server(self, kafka_broker: KafkaBroker) -> AsyncIterator[KafkaJournalServer]:
        server = KafkaJournalServer(kafka_broker)
        await server.open()
        yield server
        await server.close()
