"""Members are told apart by their client ids, which say slot and claim: so a claim can put the earlier ones out."""

import asyncio
import re
from typing import Final

from factorsvc.adapters.kafka.group_session import GroupSession
from factorsvc.domain.placement import Member

_LOOK_AGAIN_S: Final = 0.02
_CLIENT_ID: Final = re.compile(r"slot-([0-9]+)\.([0-9]+)")


def client_id_of(member: Member) -> str:
    """What the brokers know a member by, whoever looks at them."""
    return f"slot-{member.slot}.{member.epoch}"


def claim_in(client_id: str) -> tuple[int, int] | None:
    """Slot and epoch of a member; None: it is not one of ours."""
    found = _CLIENT_ID.fullmatch(client_id)
    return None if found is None else (int(found[1]), int(found[2]))


async def put_predecessors_out(session: GroupSession, member: Member, is_over: asyncio.Event) -> None:
    """Put out who held this slot before, but not before the group knows this one, or its joining has ended.

    Put out earlier, the others would be dealt the classes of the slot, and have to give them back a moment later. Put
    out later, the rebalance would wait for the dead until its time is over.
    """
    while True:
        known = await session.members()
        if is_over.is_set() or any(other.client_id == session.client_id for other in known):
            break
        await asyncio.sleep(_LOOK_AGAIN_S)
    for other in known:
        claim = claim_in(other.client_id)
        if claim is not None and claim[0] == member.slot and claim[1] < member.epoch:
            await session.put_out(other.member_id)
