"""The parts of a replica together: what the placement hears and decides, and what a drain waits for."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from factorsvc.application.service import Service
from factorsvc.domain.broker_clock import BrokerClock
from factorsvc.domain.errors import JournalUnavailableError, SlotLostError
from tests.builders import a_member, a_put, a_status
from tests.unit.application.asking import ALL
from tests.unit.application.building import (
    POLICY,
    Rig,
    Servers,
    a_rig,
    in_virtual_time,
    it_is_about,
    now_s,
    running,
    start,
)
from tests.unit.application.replicas import until

OTHER = 7


async def a_service(*, servers: Servers | None = None, lease_ttl_s: float = 1e6) -> tuple[Rig, Service]:
    """A service that does not run yet."""
    rig = await a_rig(servers=servers, lease_ttl_s=lease_ttl_s)
    return rig, Service(rig.work)


def hear(rig: Rig, slot: int, serving: Iterable[int], *, leaving: bool = False) -> None:
    """Have the map know what a replica says."""
    rig.work.map.hear(a_status(slot, serving=serving, leaving=leaving), now_s())


@in_virtual_time
async def test_a_service_takes_the_classes_that_are_placed_on_it() -> None:
    rig, service = await a_service()
    await rig.append(a_put(6))
    start(service.run())
    await until(lambda: rig.custody.answering == set(ALL))

    assert (await service.store.store([12], None))[0].value == 12
    answer = await service.find.find(2)
    assert sorted(b"\n".join(answer.pages).split(b"\n")) == [b"12 2,2,3", b"6 2,3"]


@in_virtual_time
async def test_a_group_that_cannot_be_joined_is_joined_later() -> None:
    rig, service = await a_service()
    rig.placement.faults.fail("join", JournalUnavailableError(), JournalUnavailableError())
    start(service.run())
    await until(lambda: rig.custody.answering == set(ALL))

    assert rig.placement.faults.calls.count("join") == 3
    assert now_s() >= 2 * POLICY.retry_s


@in_virtual_time
async def test_each_placement_is_followed() -> None:
    """Classes move when others come and go."""
    servers = Servers()
    rig, service = await a_service(servers=servers)
    start(service.run())
    await until(lambda: rig.custody.answering == set(ALL))
    other, other_service = await a_service(servers=servers)
    life = running(other_service.run())
    await until(lambda: len(other.custody.answering) == 1 and len(rig.custody.answering) == 2)
    assert other.custody.answering | rig.custody.answering == set(ALL)
    assert (await service.find.find(2)).pages == [], "each answers the other"

    life.cancel()
    await until(lambda: rig.custody.answering == set(ALL))


@in_virtual_time
async def test_the_placement_hears_what_the_view_holds_while_the_lease_is_sure() -> None:
    """P2: nobody is to count on a replica that may have lost its slot."""
    servers = Servers()
    rig, service = await a_service(servers=servers, lease_ttl_s=10)
    start(service.run())
    await until(lambda: rig.custody.answering == set(ALL))
    assert rig.placement.member() == a_member(rig.slot, rig.claim.epoch, serving=ALL)

    await asyncio.sleep(10 - now_s())
    assert rig.placement.member() is None
    other, other_service = await a_service(servers=servers)
    start(other_service.run())
    await until(lambda: other.custody.answering == set(ALL))
    assert [member.slot for member in servers.broker.coordinator.members] == [other.slot]


@in_virtual_time
async def test_a_replica_that_leaves_is_placed_nothing_on_and_answers_still() -> None:
    """P7, design 8."""
    rig, service = await a_service()
    start(service.run())
    await until(lambda: rig.custody.answering == set(ALL))
    await service.leave()

    assert rig.placement.member() is None
    assert rig.servers.broker.coordinator.members == []
    assert rig.custody.answering == set(ALL)
    await until(lambda: rig.statuses.said[-1].leaving)


@in_virtual_time
async def test_what_one_part_raises_ends_all_of_them() -> None:
    """P2."""
    rig, service = await a_service()
    life = running(service.run())
    await until(lambda: rig.custody.answering == set(ALL))
    rig.storage.faults.fail("look", SlotLostError(rig.slot))
    rig.custody.doubt_all()
    with pytest.raises(ExceptionGroup) as caught:
        await life
    assert caught.group_contains(SlotLostError)
    said = len(rig.statuses.said)
    await asyncio.sleep(10)

    assert len(rig.statuses.said) == said


@in_virtual_time
async def test_readiness_needs_the_brokers_time_and_all_classes_once() -> None:
    """Design 6 and 9. Later gaps fail the GETs concerned, not the replica."""
    rig = await a_rig()
    clock = BrokerClock()
    service = Service(replace(rig.work, broker_clock=clock))
    assert service.reason_not_ready() == "the broker's time is not known yet"
    clock.sample(now_s(), 0)
    hear(rig, OTHER, [0, 1])
    assert service.reason_not_ready() == "some classes are not served yet"

    hear(rig, 8, [2])
    assert service.reason_not_ready() == ""
    rig.work.map.forget()
    assert service.reason_not_ready() == ""
    assert it_is_about(0)


@in_virtual_time
async def test_a_replica_is_succeeded_when_others_serve_what_it_does() -> None:
    """P7: who leaves itself does not count."""
    rig, service = await a_service()
    await rig.serve()
    hear(rig, rig.slot, ALL, leaving=True)
    hear(rig, OTHER, [0, 1])
    assert not service.is_succeeded
    hear(rig, 8, [2], leaving=True)
    assert not service.is_succeeded

    hear(rig, OTHER, ALL)
    assert service.is_succeeded


@in_virtual_time
async def test_a_replica_that_serves_nothing_has_nothing_to_hand_over() -> None:
    rig, service = await a_service()
    hear(rig, rig.slot, [])
    hear(rig, OTHER, [])

    assert service.is_succeeded


@in_virtual_time
async def test_a_replica_that_nobody_can_succeed_waits_for_nobody() -> None:
    """Design 8: the last one, and a cluster of replicas that all leave."""
    rig, service = await a_service()
    await rig.serve()
    hear(rig, rig.slot, ALL)
    assert service.is_succeeded, "itself does not count"
    assert service.is_alone
    hear(rig, OTHER, [], leaving=True)
    assert service.is_succeeded, "who leaves does not come back"
    assert not service.is_alone, "but it may ask"

    hear(rig, OTHER, [])
    assert not service.is_succeeded


@in_virtual_time
async def test_a_replica_that_does_not_hear_itself_does_not_know_that_nobody_stays() -> None:
    """P7: statuses were missed, perhaps those of its successors too."""
    rig, service = await a_service()
    await rig.serve()
    assert not service.is_succeeded
    assert not service.is_alone

    hear(rig, OTHER, ALL)
    assert not service.is_succeeded
