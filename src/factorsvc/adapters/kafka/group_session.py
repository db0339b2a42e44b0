"""One member's requests to the coordinator of its group: Kafka's classic protocol (KIP-62, KIP-394).

aiokafka's consumer takes part in groups too, but by tasks of its own, which stay in the group when nobody listens, fall
out of it in silence, and cannot be kept from joining. Its messages are used.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from aiokafka.errors import MemberIdRequired, UnknownMemberIdError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.api import Request
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.group_rules import GroupTiming, OutError, check
from factorsvc.adapters.kafka.topics import NotYetError, require
from factorsvc.domain.errors import JournalUnavailableError

_PROTOCOL_TYPE: Final = "factorsvc"
"""Consumers of topics have another one: they cannot join by mistake, and the brokers do not look for topics in it."""
_GROUP: Final = 0
_NO_GENERATION: Final = -1
_START_DELAY_S: Final = 3.0
"""How long a broker holds the first join of an empty group by default (`group.initial.rebalance.delay.ms`)."""


class Known(NamedTuple):
    """A member as the coordinator lists it."""

    member_id: str
    client_id: str


class GroupSession:
    """One member, from its first join until it leaves. Every request has a deadline.

    Besides what is said of each, methods raise NotYetError and JournalUnavailableError.
    """

    def __init__(self, access: Access, group: str, client_id: str, timing: GroupTiming) -> None:
        """Prepare to join `group` as `client_id`, which is what all others will know this member by."""
        self.client_id = client_id
        self.generation = _NO_GENERATION
        self._member_id = ""
        self._group = group
        self._timing = timing
        self._coordinator: int | None = None
        soon_s = min(access.request_timeout_s, timing.session_timeout_s / 3)  # one lost heartbeat leaves time for two
        late_s = access.request_timeout_s + timing.rebalance_timeout_s + _START_DELAY_S
        self._calls = Client(replace(access, client_id=client_id, request_timeout_s=soon_s))
        self._waits = Client(replace(access, client_id=client_id, request_timeout_s=late_s))
        """For requests that are answered when others have joined: one that comes after them waits as long."""

    async def join(self, protocol: str, said: bytes, session_timeout_s: float) -> Mapping[str, bytes] | None:
        """Join, for the first time or again; the leader is told what all members say, by their ids, others None.

        The coordinator gives the id before it lets anybody in, so a lost answer leaves no stranger in the group.

        Raises:
            OutError, SessionRefusedError: not joined.
        """
        while True:
            request = JoinGroupRequest(
                self._group,
                round(session_timeout_s * 1000),
                round(self._timing.rebalance_timeout_s * 1000),
                self._member_id,
                None,
                _PROTOCOL_TYPE,
                [(protocol, said)],
            )
            answer = await self._ask(self._waits, request, "to join the group", ignored=MemberIdRequired.errno)
            self._member_id = answer.member_id
            if answer.error_code != MemberIdRequired.errno:
                break
        self.generation = answer.generation_id
        if answer.leader_id != answer.member_id:
            return None
        return {member_id: metadata for member_id, *_, metadata in answer.members}

    async def sync(self, dealt: Mapping[str, bytes]) -> bytes:
        """Hand out what the leader has dealt, by member id, or nothing; return what is dealt to this member.

        Raises:
            AskedError, OutError: nothing was dealt in this generation.
        """
        request = SyncGroupRequest(self._group, self.generation, self._member_id, None, [*dealt.items()])
        answer = await self._ask(self._waits, request, "to learn what is dealt")
        return bytes(answer.member_assignment)

    async def heartbeat(self) -> None:
        """Say that this one lives.

        Raises:
            AskedError, OutError: join (again).
        """
        if not self._member_id:
            raise OutError
        request = HeartbeatRequest(self._group, self.generation, self._member_id)
        await self._ask(self._calls, request, "to stay in the group")

    async def leave(self) -> None:
        """Leave, if it has joined, or tried to."""
        member_id, self._member_id, self.generation = self._member_id, "", _NO_GENERATION
        if member_id:
            await self.put_out(member_id)

    def forget(self) -> None:
        """Join as a new member next time."""
        self._member_id, self.generation = "", _NO_GENERATION

    async def put_out(self, member_id: str) -> None:
        """Put a member out as if it had left itself; one that is out already is no error."""
        request = LeaveGroupRequest(self._group, member_id)
        await self._ask(self._calls, request, "to put a member out", ignored=UnknownMemberIdError.errno)

    async def members(self) -> list[Known]:
        """Return the members, those that wait for the end of a rebalance included."""
        answer = await self._ask(self._calls, DescribeGroupsRequest([self._group]), "to see the group")
        ((_, _, _, _, _, members, *_),) = answer.groups
        return [Known(member_id, client_id) for member_id, client_id, *_ in members]

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._calls.close()
        self._waits.close()

    async def _ask(self, client: Client, request: Request[Any], what: str, *, ignored: int = 0) -> Any:
        try:
            if self._coordinator is None:
                found = await self._calls.ask(FindCoordinatorRequest(self._group, _GROUP))
                require(found.error_code, "to find the group's coordinator")
                self._coordinator = int(found.coordinator_id)
            answer = await client.ask(request, self._coordinator)
            code = answer.groups[0][0] if isinstance(request, DescribeGroupsRequest) else answer.error_code
            if code != ignored:
                check(code, what)
        except (NotYetError, JournalUnavailableError):
            self._coordinator = None
            raise
        return answer
