"""One line for each change of a replica's state, and none for anything else."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from factorsvc.adapters.observability.state_log import NEW, State, lines, log_changes
from factorsvc.adapters.observability.watched import Watched, own_status
from factorsvc.domain.status import Readiness, Status
from tests.builders import a_status

CLAIMING = Readiness(False, "claiming a slot", None, None, 0)
AGAIN = CLAIMING._replace(reason="claiming a slot again")
READY = Readiness(True, "", 3, 7, 2)
LEAVING = READY._replace(ready=False, reason="leaving")
SERVES = State(READY, frozenset({1, 2}), frozenset({1, 2}), full=False, others=frozenset({5}))


class Replica(Watched):
    """Says what a test tells it."""

    def __init__(self, readiness: Readiness, *statuses: Status) -> None:
        self.state = readiness
        self.statuses = statuses
        self.asked = asyncio.Semaphore(0)
        """Released when somebody begins to wait for a change."""
        self.change = asyncio.Event()

    def readiness(self) -> Readiness:
        return self.state

    def cluster(self) -> Sequence[Status]:
        return self.statuses

    async def changed(self) -> None:
        self.asked.release()
        await self.change.wait()
        self.change.clear()


def events(before: State, now: State) -> list[tuple[str, dict[str, object]]]:
    return [(line.event, line.fields) for line in lines(before, now)]


def test_nothing_is_said_of_what_did_not_change() -> None:
    assert events(SERVES, SERVES) == []
    assert events(SERVES, SERVES._replace(readiness=READY._replace(classes=9))) == []


def test_the_slot_is_told_of_when_it_is_claimed() -> None:
    claimed = NEW._replace(readiness=READY._replace(ready=False, reason="starting"))

    assert events(NEW._replace(readiness=CLAIMING), claimed) == [
        ("slot_claimed", {"slot": 3, "epoch": 7}),
        ("not_ready", {"reason": "starting"}),
    ]


def test_a_slot_that_is_lost_is_a_warning_and_says_it_all() -> None:
    now = NEW._replace(readiness=AGAIN)

    assert events(SERVES, now) == [("slot_lost", {"slot": 3, "epoch": 7}), ("not_ready", {"reason": AGAIN.reason})]
    assert next(lines(SERVES, now)).level == logging.WARNING


def test_a_slot_that_is_given_back_is_not_lost() -> None:
    leaving = SERVES._replace(readiness=LEAVING)

    assert events(SERVES, leaving) == [("not_ready", {"reason": "leaving"})]
    assert events(leaving, NEW._replace(readiness=CLAIMING))[0] == ("slot_released", {"slot": 3, "epoch": 7})


def test_a_slot_that_was_claimed_again_unseen_is_two_lines() -> None:
    again = SERVES._replace(readiness=READY._replace(epoch=8))

    assert [event for event, _ in events(SERVES, again)] == [
        "slot_lost",
        "slot_claimed",
        "others_changed",
        "placement_followed",
        "serving_changed",
    ]


def test_what_is_placed_and_what_is_served_are_told_as_differences() -> None:
    placed = SERVES._replace(placed=frozenset({2, 4}))

    assert events(SERVES, placed) == [("placement_followed", {"classes": 2, "more": [4], "less": [1]})]
    assert events(placed, placed._replace(serving=frozenset({2, 4}))) == [
        ("serving_changed", {"classes": 2, "more": [4], "less": [1]})
    ]


def test_a_full_database_is_an_error_until_it_has_room() -> None:
    full = SERVES._replace(full=True)

    assert [(line.level, line.event) for line in lines(SERVES, full)] == [(logging.ERROR, "database_full")]
    assert [(line.level, line.event) for line in lines(full, SERVES)] == [(logging.INFO, "database_has_room")]


def test_others_and_readiness_are_told_of() -> None:
    unready = SERVES._replace(readiness=READY._replace(ready=False, reason="the lease is not sure"))

    assert events(SERVES, SERVES._replace(others=frozenset({9, 5}))) == [("others_changed", {"slots": [5, 9]})]
    assert events(SERVES, unready) == [("not_ready", {"reason": "the lease is not sure"})]
    assert events(unready, SERVES) == [("ready", {})]


def test_a_status_counts_only_under_the_present_claim() -> None:
    """A status of an earlier claim of the slot may still be about."""
    replica = Replica(READY, a_status(2, 7), a_status(3, 6))
    assert own_status(replica) is None
    replica.statuses = (a_status(2, 7), a_status(3, 7))
    assert own_status(replica) == a_status(3, 7)


async def test_each_change_is_logged_when_it_happens(caplog: pytest.LogCaptureFixture) -> None:
    """Classes that are restored one by one are told of once, those that go at once; the end is told of, too."""
    caplog.set_level(logging.INFO, "factorsvc.replica")
    replica = Replica(READY, a_status(3, 7, restoring=[1, 2]), a_status(5, 1))
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(log_changes(replica))

        async def told() -> list[tuple[str, object]]:
            """What was logged since this was last asked."""
            await replica.asked.acquire()
            lines = [(record.getMessage(), record.__dict__.get("classes")) for record in caplog.records]
            caplog.clear()
            return lines

        assert await told() == [
            ("slot_claimed", None),
            ("others_changed", None),
            ("placement_followed", 2),
            ("ready", None),
        ]

        replica.statuses = (a_status(3, 7, serving=[1], restoring=[2]), a_status(5, 1))
        replica.change.set()
        assert await told() == []

        replica.statuses = (a_status(3, 7, serving=[1, 2]), a_status(5, 1))
        replica.change.set()
        assert await told() == [("serving_changed", 2)]

        replica.statuses = (a_status(3, 7, serving=[1], restoring=[2]), a_status(5, 1))
        replica.change.set()
        assert await told() == [("serving_changed", 1)]

        replica.state, replica.statuses = CLAIMING, ()
        watching.cancel()

    assert [record.getMessage() for record in caplog.records] == ["slot_lost", "not_ready"]
