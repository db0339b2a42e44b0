"""How a cluster in one process deals its requests, and when and what it says of itself."""

from starlette.types import Receive, Scope, Send

from factorsvc.domain.slot import SLOTS
from factorsvc.domain.status import Readiness, Status
from factorsvc.entrypoints.dev import Turns, introduction, is_settled
from tests.builders import a_status
from tests.http.asking import Client, a_scope
from tests.http.replica_stub import GOING, READY, STANDBY, StubReplica


def replicas_that_say(*statuses: Status | None) -> list[StubReplica]:
    """A replica for each status, which holds its slot and is ready; None: one that has no slot."""
    said = [status for status in statuses if status is not None]
    replicas = []
    for status in statuses:
        replica = StubReplica()
        if status is None:
            replica.change(state=STANDBY)
        else:
            replica.change(state=Readiness(True, "", status.slot, status.epoch, len(status.serving)), statuses=said)
        replicas.append(replica)
    return replicas


class Dealt:
    """Notes to which of several applications requests went."""

    def __init__(self, *states: Readiness) -> None:
        self.to: list[int] = []
        self.replicas = [StubReplica() for _ in states]
        for replica, state in zip(self.replicas, states, strict=True):
            replica.change(state=state)
        self.turns = Turns(self.replicas, [self._app(place) for place in range(len(states))])

    async def deal(self, count: int) -> list[int]:
        """Where the next `count` requests go."""
        self.to.clear()
        for _ in range(count):
            client = Client()
            await self.turns(a_scope("GET", "/values/5"), client.receive, client.send)
        return self.to.copy()

    def _app(self, place: int) -> "App":
        return App(self.to, place)


class App:
    def __init__(self, to: list[int], place: int) -> None:
        self._to = to
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._to.append(self._place)


async def test_requests_are_dealt_in_turn() -> None:
    assert await Dealt(READY, READY, READY).deal(7) == [0, 1, 2, 0, 1, 2, 0]


async def test_a_replica_that_is_not_ready_is_passed_over_and_takes_its_turn_once_it_is() -> None:
    dealt = Dealt(READY, STANDBY, GOING, READY)

    assert await dealt.deal(4) == [0, 3, 0, 3]

    dealt.replicas[1].change(state=READY)
    assert await dealt.deal(4) == [0, 1, 3, 0]


async def test_when_none_is_ready_each_says_so_in_turn() -> None:
    assert await Dealt(STANDBY, STANDBY).deal(3) == [0, 1, 0]


def test_a_cluster_is_settled_when_all_classes_have_found_their_places() -> None:
    assert is_settled(replicas_that_say(a_status(3, serving=[0, 1]), a_status(0, serving=[2])))


def test_a_cluster_is_not_settled_while_a_class_moves_or_somebody_starts() -> None:
    assert not is_settled(replicas_that_say(None))
    assert not is_settled(replicas_that_say(a_status(3, serving=[0, 1]), None))
    assert not is_settled(replicas_that_say(a_status(3, serving=[0, 1]), a_status(0, serving=[], restoring=[2])))
    assert not is_settled(replicas_that_say(a_status(3, serving=[0, 1], retiring=[1]), a_status(0, serving=[1])))
    assert not is_settled(replicas_that_say(a_status(3, serving=[0, 1, 2]), a_status(0, serving=[])))


def test_a_cluster_with_more_replicas_than_slots_is_settled_when_all_slots_are_held() -> None:
    holders = [a_status(slot, serving=[slot]) for slot in range(SLOTS)]

    assert is_settled(replicas_that_say(*holders, None))
    assert not is_settled(replicas_that_say(*holders[1:], None, None))


def test_the_introduction_shows_each_replica_and_what_to_try() -> None:
    replicas = replicas_that_say(a_status(3, serving=[7, 1, 10]), None, a_status(0, serving=[]))

    assert list(introduction(replicas, 80)) == [
        "replica 1: slot 3, 3 classes: 1 7 10",
        "replica 2: stands by until a slot is free",
        "replica 3: slot 0, 0 classes: ",
        "Ready. Try this; Ctrl-C ends it:",
        "curl -s 'localhost:80/values?ttl=300' -H 'content-type: application/json' -d '[144,120]'",
        "curl -s localhost:80/values/5",
    ]
