"""What topics are made with, where it depends on how many copies there are to be."""

import pytest

from factorsvc.adapters.kafka.layout import Layout

IN_SYNC = "min.insync.replicas"


@pytest.mark.parametrize(("copies", "majority"), [(1, "1"), (2, "2"), (3, "2"), (4, "3"), (5, "3")])
def test_a_majority_of_the_copies_acknowledges_a_put(copies: int, majority: str) -> None:
    """So any two majorities share a broker that has it (P4)."""
    assert Layout(prefix="p", classes=7, replication_factor=copies).journal.initial[IN_SYNC] == majority


def test_without_a_number_of_copies_the_brokers_decide() -> None:
    assert IN_SYNC not in Layout(prefix="p", classes=7).journal.initial


def test_settings_may_be_chosen_but_not_the_fixed_ones_changed() -> None:
    journal = Layout(prefix="p", classes=7, journal_settings={"max.compaction.lag.ms": "5"}).journal

    assert journal.initial["max.compaction.lag.ms"] == "5"
    assert journal.fixed == {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}


def test_all_names_begin_with_the_prefix() -> None:
    layout = Layout(prefix="p", classes=7)

    assert [topic.name for topic in layout.topics] == ["p.journal", "p.status", "p.mail"]
    assert [topic.partitions for topic in layout.topics] == [7, 1, 16]
    assert layout.group == "p.replicas"
