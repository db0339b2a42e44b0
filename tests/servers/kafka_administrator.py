"""Whoever administers a broker of the tests: takes the direct way, without any trouble."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.servers.kafka_broker import KafkaBroker


class Kept(NamedTuple):
    """A record that is there."""

    offset: int
    key: bytes | None
    value: bytes | None


class KafkaAdministrator:
    """Is connected while entered."""

    def __init__(self, broker: KafkaBroker) -> None:
        """Prepare to administrate `broker`."""
        self._bootstrap = broker.bootstrap

    async def __aenter__(self) -> Self:
        self._client = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await self._client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def settings(self, topic: str) -> dict[str, str]:
        """Return all settings that `topic` has."""
        (answer,) = await self._client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        ((code, message, *_, entries),) = answer.resources
        assert not code, message
        return {entry[0]: entry[1] for entry in entries}

    async def set(self, topic: str, settings: Mapping[str, str]) -> None:
        """Give `topic` these settings, and those of the brokers for all others; return when they hold."""
        (answer,) = await self._client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(settings))])
        ((code, message, *_),) = answer.resources
        assert not code, message
        while not settings.items() <= (await self.settings(topic)).items():
            pass  # a broker hears of it a moment later

    async def cut(self, topic: str, partition: int, start: int) -> None:
        """Remove all before `start`; -1: all there is."""
        await self._client.delete_records({TopicPartition(topic, partition): RecordsToDelete(start)})

    async def delete(self, *topics: str) -> None:
        """Delete `topics`, of which some may not be there."""
        await self._client.delete_topics([*topics])

    async def topics(self) -> list[str]:
        """Return the names of all topics."""
        topics: list[str] = await self._client.list_topics()
        return topics

    async def records(self, topic: str, partition: int) -> list[Kept]:
        """Return what is in a partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            at = TopicPartition(topic, partition)
            consumer.assign([at])
            end = (await consumer.end_offsets([at]))[at]
            records: list[Kept] = []
            await consumer.seek_to_beginning(at)
            while await consumer.position(at) < end:
                found = await consumer.getmany(at, timeout_ms=100)
                records += [Kept(each.offset, each.key, each.value) for each in found.get(at, [])]
        finally:
            await consumer.stop()
        return records
