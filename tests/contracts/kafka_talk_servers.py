"""A real broker, as the contracts of statuses, mailboxes and placement want it."""

from collections.abc import Callable
from typing import Final

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.bus import MailPart, PlacementPart, StatusPart
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.group_rules import GroupTiming
from factorsvc.adapters.kafka.group_session import GroupSession
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.mailbox import KafkaMailbox
from factorsvc.adapters.kafka.placement_group import KafkaPlacementGroup
from factorsvc.adapters.kafka.predecessors import claim_in
from factorsvc.adapters.kafka.status_log import KafkaStatusLog
from factorsvc.adapters.kafka.talk import Talk
from factorsvc.domain.placement import Member
from factorsvc.domain.ports.placement import PlacementGroup
from tests.contracts.kafka_server import KafkaServer
from tests.contracts.mailbox_contract import MailServer
from tests.contracts.placement_cluster import CLASSES, GroupServer
from tests.contracts.statuses_contract import StatusServer
from tests.servers.troubled_kafka import Trouble

SHORT: Final = GroupTiming(session_timeout_s=3.0, heartbeat_s=0.1, rebalance_timeout_s=1.0)


def connecting(access: Access, topic: Topic) -> Callable[[], Talk]:
    """What makes connections to the talk of `topic`."""
    return lambda: Talk(Client(access), topic)


class KafkaStatusServer(KafkaServer, StatusServer):
    """A broker with a status log, once its topics are made."""

    def client(self) -> StatusPart:
        topic = self.layout().statuses
        return self.admit(lambda access: KafkaStatusLog(connecting(access, topic)))

    async def cut(self) -> None:
        await self.cut_topic(self.layout().statuses, 0)


class KafkaMailServer(KafkaServer, MailServer):
    """A broker with the mailboxes of all slots, once its topics are made."""

    def client(self) -> MailPart:
        topic = self.layout().mail
        return self.admit(lambda access: KafkaMailbox(connecting(access, topic)))

    async def cut(self, slot: int) -> None:
        await self.cut_topic(self.layout().mail, slot)


class KafkaGroupServer(KafkaServer, GroupServer):
    """A broker with a group that no other test names."""

    def client(self, timing: GroupTiming = SHORT) -> PlacementPart:
        group = self.layout().group

        def make(access: Access) -> PlacementPart:
            return KafkaPlacementGroup(
                lambda client_id: GroupSession(access, group, client_id, timing), CLASSES, timing
            )

        return self.admit(make)

    def stranger(self, client_id: str) -> GroupSession:
        """Somebody who makes the group's requests one by one; whoever asks for it closes it."""
        access = Access(bootstrap_servers=self._broker.bootstrap)
        return GroupSession(access, self.layout().group, client_id, SHORT)

    async def members(self) -> list[Member]:
        observer = self.stranger("observer")
        try:
            claims = [claim_in(member.client_id) for member in await observer.members()]
        finally:
            observer.close()
        return [Member(*claim) for claim in claims if claim is not None]

    async def isolate(self, client: PlacementGroup) -> None:
        self.door_of(client).meet(Trouble.SILENCE)

    async def reconnect(self, client: PlacementGroup) -> None:
        await self.door_of(client).heal()
