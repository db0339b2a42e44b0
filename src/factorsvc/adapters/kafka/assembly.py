"""A whole bus, made of its parts: who reaches what over which connections."""

from collections.abc import Callable
from functools import partial

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.bus import KafkaBus
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.group_rules import GroupTiming
from factorsvc.adapters.kafka.group_session import GroupSession
from factorsvc.adapters.kafka.journal import KafkaJournal
from factorsvc.adapters.kafka.layout import Layout, Topic
from factorsvc.adapters.kafka.mailbox import KafkaMailbox
from factorsvc.adapters.kafka.placement_group import KafkaPlacementGroup
from factorsvc.adapters.kafka.status_log import KafkaStatusLog
from factorsvc.adapters.kafka.talk import Talk


def kafka_bus(access: Access, layout: Layout, timing: GroupTiming, random_bytes: Callable[[int], bytes]) -> KafkaBus:
    """Return the bus of one replica. Nothing of it is connected before it is first used."""

    def connect_to(topic: Topic) -> Talk:
        return Talk(Client(access), topic)

    def join_as(client_id: str) -> GroupSession:
        return GroupSession(access, layout.group, client_id, timing)

    return KafkaBus(
        journal=KafkaJournal(access, layout, random_bytes),
        placement=KafkaPlacementGroup(join_as, layout.classes, timing),
        statuses=KafkaStatusLog(partial(connect_to, layout.statuses)),
        mailbox=KafkaMailbox(partial(connect_to, layout.mail)),
    )
