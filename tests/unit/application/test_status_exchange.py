"""What a replica says of itself and when, and what it makes of what others say."""

import asyncio

from factorsvc.application.policy import Policy
from factorsvc.application.status_exchange import StatusExchange
from factorsvc.domain.applying import Verification
from factorsvc.domain.broker_clock import BrokerClock
from factorsvc.domain.cluster_map import LAPSE_S
from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.status import Status
from tests.builders import NOW_MS, a_put, a_status
from tests.unit.application.asking import ALL, Asking
from tests.unit.application.building import POLICY, Rig, a_rig, in_virtual_time, it_is_about, now_s, running, settled


class Exchange(Asking):
    """A replica's part in the status log; it speaks and listens when it is told to."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.exchange = StatusExchange(rig.work, self.rounds)

    def say(self, *statuses: Status) -> None:
        """Have others say this."""
        self.rig.servers.broker.statuses.append(0, statuses)

    async def listening(self) -> None:
        """Listen from now on."""
        self.listener = running(self.exchange.listen())
        await settled()

    async def speaking(self) -> None:
        """Speak from now on."""
        self.speaker = running(self.exchange.speak())
        await settled()

    @property
    def said(self) -> list[Status]:
        """What was said so far."""
        return self.rig.statuses.said

    @property
    def known(self) -> dict[int, int]:
        """The slots that the replica knows, each with the epoch of its claim."""
        return {status.slot: status.epoch for status in self.rig.work.map.statuses}


async def an_exchange(policy: Policy = POLICY) -> Exchange:
    """The exchange of a replica that serves all classes."""
    rig = await a_rig(policy)
    await rig.serve(a_put(6))
    return Exchange(rig)


@in_virtual_time
async def test_a_status_tells_all_that_others_need() -> None:
    exchange = await an_exchange()
    custody = exchange.rig.custody
    exchange.rig.place(0, 1)
    custody.reject(1)
    custody.verifications = {2: Verification(NOW_MS, 5)}
    custody.values = 12
    custody.set_full(True)

    assert exchange.exchange.status() == a_status(
        exchange.rig.slot,
        exchange.rig.claim.epoch,
        serving={0: 0, 2: 5},
        restoring=[1],
        retiring=[2],
        values=12,
        full=True,
    )


@in_virtual_time
async def test_a_replica_speaks_every_second() -> None:
    """Design 9."""
    exchange = await an_exchange()
    await exchange.speaking()
    await asyncio.sleep(2.5)

    assert [status.at_ms - NOW_MS for status in exchange.said] == [0, 1_000, 2_000]


@in_virtual_time
async def test_a_change_is_said_at_once() -> None:
    """P7: a handover waits for what is said."""
    exchange = await an_exchange()
    await exchange.speaking()
    exchange.rig.place(0, 1)
    await settled()
    exchange.rig.custody.set_full(True)
    await settled()
    exchange.exchange.leave()
    await settled()

    assert [(set(status.retiring), status.full, status.leaving) for status in exchange.said] == [
        (set(), False, False),
        ({2}, False, False),
        ({2}, True, False),
        ({2}, True, True),
    ]
    assert it_is_about(0)


@in_virtual_time
async def test_a_change_that_comes_while_a_status_is_published_is_said_right_after() -> None:
    exchange = await an_exchange()
    gate = exchange.rig.statuses.faults.hold("publish")
    await exchange.speaking()
    exchange.rig.place(0, 1)
    gate.open()
    await settled()

    assert [set(status.retiring) for status in exchange.said] == [set(), {2}]


@in_virtual_time
async def test_what_is_no_news_waits_for_the_next_second() -> None:
    """A lag changes all the time, and so would everybody speak all the time."""
    exchange = await an_exchange()
    await exchange.speaking()
    exchange.rig.custody.verifications = {0: Verification(NOW_MS, 99)}
    exchange.rig.custody.changed.fire()
    await settled()
    assert len(exchange.said) == 2, "the signal itself is reason enough for one"

    await settled()
    assert len(exchange.said) == 2


@in_virtual_time
async def test_what_does_not_get_through_is_made_anew() -> None:
    exchange = await an_exchange()
    exchange.rig.statuses.faults.fail("publish", JournalUnavailableError(), JournalUnavailableError())
    await exchange.speaking()
    exchange.rig.place(0, 1)
    await asyncio.sleep(2.5 * POLICY.retry_s)

    assert [set(status.retiring) for status in exchange.said] == [{2}]


@in_virtual_time
async def test_an_acknowledgement_teaches_the_brokers_time() -> None:
    """Design 6: without it there is no POST."""
    exchange = await an_exchange()
    exchange.rig.servers.broker.clock_offset_ms = 700
    assert exchange.rig.work.broker_clock.at_ms(now_s()) == NOW_MS
    await exchange.speaking()

    assert exchange.rig.work.broker_clock.at_ms(0.0) == NOW_MS + 700
    assert BrokerClock().at_ms(0.0) is None


@in_virtual_time
async def test_who_speaks_is_known_until_silent_for_too_long() -> None:
    exchange = await an_exchange()
    await exchange.listening()
    exchange.say(a_status(7, 70))
    await asyncio.sleep(1)
    exchange.say(a_status(8, 80))
    await settled()
    assert exchange.known == {7: 70, 8: 80}

    await asyncio.sleep(LAPSE_S - 1 + POLICY.take_timeout_s)
    assert exchange.known == {8: 80}


@in_virtual_time
async def test_all_are_forgotten_at_a_gap() -> None:
    """Design 9: somebody may have said meanwhile that it serves nothing any more."""
    exchange = await an_exchange()
    await exchange.listening()
    exchange.say(a_status(7, 70))
    await settled()
    log = exchange.rig.servers.broker.statuses
    exchange.say(a_status(8, 80))
    log.partitions[0].cut(log.partitions[0].end)
    exchange.say(a_status(9, 90))
    await settled()

    assert exchange.known == {9: 90}


@in_virtual_time
async def test_a_gap_with_nothing_after_it_is_told_too() -> None:
    exchange = await an_exchange()
    await exchange.listening()
    exchange.say(a_status(7, 70))
    await settled()
    watching = running(exchange.rig.work.changed.wait())
    exchange.say(a_status(8, 80))
    log = exchange.rig.servers.broker.statuses.partitions[0]
    log.cut(log.end)
    await watching

    assert exchange.known == {}


@in_virtual_time
async def test_whoever_watches_is_told_when_the_map_may_have_changed() -> None:
    exchange = await an_exchange()
    changed = exchange.rig.work.changed
    await exchange.listening()
    watching = running(changed.wait())
    exchange.say(a_status(7))
    await watching
    assert it_is_about(0)

    watching = running(changed.wait())
    await watching
    assert LAPSE_S <= now_s() <= LAPSE_S + POLICY.take_timeout_s, "told that 7 is silent, and of nothing before"

    watching = running(changed.wait())
    await asyncio.sleep(10)
    assert not watching.done()


@in_virtual_time
async def test_open_questions_follow_the_map() -> None:
    """A class whose server is silent is asked of another, and one that nobody served of who begins to."""
    rig = await a_rig()
    exchange = Exchange(rig)
    await exchange.listening()
    exchange.say(a_status(7, serving=ALL))
    await settled()
    asking = exchange.ask(2)
    assert (await exchange.question())[0] == 7

    exchange.say(a_status(7), a_status(8, serving=ALL))
    await asyncio.sleep(1.5)
    slot, question = await exchange.question()
    assert slot == 8
    exchange.reply(slot, question)
    await asking


@in_virtual_time
async def test_a_class_that_nobody_served_is_asked_for_as_soon_as_somebody_does() -> None:
    """P7: a GET that comes during a handover loses no time."""
    rig = await a_rig()
    exchange = Exchange(rig)
    await exchange.listening()
    asking = exchange.ask(2)
    await asyncio.sleep(2.05)
    exchange.say(a_status(8, serving=ALL))
    exchange.reply(*await exchange.question())
    await asking

    assert it_is_about(2.05)
