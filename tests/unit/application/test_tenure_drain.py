"""Leaving without failing a request: what a drain waits for, and for how long (P7, design 8)."""

import asyncio

from factorsvc.domain.errors import SlotLostError
from factorsvc.domain.question import Frame
from tests.builders import a_question, a_status
from tests.unit.application.building import Servers, in_virtual_time, it_is_about, now_ms, now_s, running, settled
from tests.unit.application.replicas import SHORT, StopTaking, a_ready_tenure, a_tenure, group_of, stop_at_once, until


@in_virtual_time
async def test_a_replica_that_is_alone_waits_for_nobody() -> None:
    """Design 8: and keeps its view. Requests are taken for the drain delay, for load balancers."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    began, stop_taking = now_s(), StopTaking()
    drain = running(reigning.tenure.drain(stop_taking))
    await stop_taking.asked.wait()
    assert it_is_about(began + SHORT.drain_delay_s)
    await asyncio.sleep(60)
    assert not reigning.life.done(), "requests are still being answered"
    assert reigning.serves == {0, 1, 2}

    stop_taking.done.set()
    await drain
    await reigning.life
    assert it_is_about(began + 60 + SHORT.drain_delay_s)
    assert set(servers.redis.databases[reigning.claim.slot].positions) == {0, 1, 2}


@in_virtual_time
async def test_a_replica_that_leaves_goes_on_until_others_serve_its_classes() -> None:
    """P7."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    successor = await a_ready_tenure(servers)
    gate = successor.claim.faulty_storage.faults.hold("commit")
    drain = running(reigning.tenure.drain(stop_at_once))
    await gate.reached.wait()
    await asyncio.sleep(5)
    assert reigning.service.exchange.status().leaving
    assert reigning.serves
    assert not drain.done()

    gate.open()
    await drain
    await reigning.life
    assert now_s() < 8
    assert successor.serves == {0, 1, 2}


@in_virtual_time
async def test_who_asks_by_yesterdays_map_hears_something() -> None:
    """P7: a replica that ended at once would be asked in vain, and the GET would lose a second."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    successor = await a_ready_tenure(servers)
    drain = running(reigning.tenure.drain(stop_at_once))
    await until(lambda: successor.serves == {0, 1, 2})
    succeeded = now_s()
    asker = servers.process()
    await asker.bus.mailbox.open(15)
    await asyncio.sleep(SHORT.drain_delay_s + SHORT.handover_grace_s / 2)
    question = a_question(reply_to=15, read_index=(0, 1, 2), deadline_ms=now_ms() + 5_000)
    await asker.bus.mailbox.send(reigning.claim.slot, [question])
    heard: set[int] = set()
    while heard < {0, 1, 2}:
        for frame in (await asker.bus.mailbox.take(1)).messages:
            assert isinstance(frame, Frame)
            heard |= {part.class_id for part in frame.parts}
    assert not drain.done()

    await drain
    await reigning.life
    assert now_s() < succeeded + SHORT.drain_delay_s + SHORT.handover_grace_s + 0.1


@in_virtual_time
async def test_a_successor_that_is_gone_again_is_waited_for() -> None:
    """P7."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    map_ = reigning.service.work.map
    map_.hear(a_status(15, serving=[0, 1, 2]), now_s() + 100)
    drain = running(reigning.tenure.drain(stop_at_once))
    await asyncio.sleep(SHORT.drain_delay_s + SHORT.handover_grace_s / 2)
    map_.hear(a_status(15, epoch=9), now_s() + 100)
    reigning.changed.fire()
    await asyncio.sleep(SHORT.handover_grace_s)
    assert not drain.done()

    map_.hear(a_status(15, epoch=9, serving=[0, 1, 2]), now_s() + 100)
    reigning.changed.fire()
    await asyncio.sleep(SHORT.handover_grace_s / 2)
    assert not drain.done()
    await asyncio.sleep(SHORT.handover_grace_s / 2)
    assert drain.done()
    await reigning.life


@in_virtual_time
async def test_a_drain_ends_at_its_deadline() -> None:
    """Design 8: whoever is to take over has its reasons."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    reigning.service.work.map.hear(a_status(15), now_s() + 100)
    began = now_s()
    await reigning.tenure.drain(stop_at_once)
    await reigning.life

    assert it_is_about(began + SHORT.drain_deadline_s)


@in_virtual_time
async def test_replicas_that_leave_do_not_wait_for_each_other() -> None:
    """Design 8: as when a whole cluster is stopped."""
    servers = Servers(SHORT)
    reigning = [await a_ready_tenure(servers), await a_ready_tenure(servers)]
    await asyncio.sleep(1)
    began = now_s()
    async with asyncio.TaskGroup() as group:
        for each in reigning:
            group.create_task(each.tenure.drain(stop_at_once))
    for each in reigning:
        await each.life

    assert it_is_about(began + SHORT.drain_delay_s + SHORT.handover_grace_s)


@in_virtual_time
async def test_a_replica_that_is_drained_while_it_starts_has_nothing_to_hand_over() -> None:
    """P7: and no class is placed on it meanwhile, where it would be served by nobody."""
    servers = Servers(SHORT)
    reigning = await a_tenure(servers)
    gate, stop_taking = reigning.journal.faults.hold("open"), StopTaking()
    await gate.reached.wait()
    drain = running(reigning.tenure.drain(stop_taking))
    await stop_taking.asked.wait()
    assert it_is_about(0), "no load balancer has sent it anything"
    gate.open()
    await asyncio.sleep(2)
    assert servers.broker.coordinator.members == []
    assert reigning.tenure.service is None

    stop_taking.done.set()
    await drain
    await reigning.life


@in_virtual_time
async def test_a_slot_that_is_lost_while_it_is_drained_is_not_waited_for() -> None:
    """There is nothing left to hand over; what is under way is still answered, with a 503."""
    servers = Servers(SHORT)
    reigning = await a_ready_tenure(servers)
    reigning.service.work.map.hear(a_status(15), now_s() + 100)
    began, stop_taking = now_s(), StopTaking()
    drain = running(reigning.tenure.drain(stop_taking))
    await stop_taking.asked.wait()
    stop_taking.done.set()
    await settled()
    assert not drain.done()
    servers.redis.lapse(reigning.claim.slot)
    with group_of(SlotLostError):
        await reigning.life
    await drain

    assert now_s() < began + SHORT.drain_deadline_s - 1
