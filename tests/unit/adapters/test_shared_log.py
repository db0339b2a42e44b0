"""The log that all replicas share: fair shares, append times, retention, and who is woken."""

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.memory.shared_journal import JournalSettings, SharedJournal
from factorsvc.adapters.memory.shared_log import SharedLog, _shares
from factorsvc.domain.record import Put
from tests.builders import a_put, a_tombstone

backlogs = st.dictionaries(st.integers(0, 60), st.integers(0, 1_000_000), max_size=20)


@given(backlogs, st.integers(1, 50))
def test_shares_use_the_limit_and_starve_nobody(behind: dict[int, int], limit: int) -> None:
    shares = _shares(behind, limit)

    assert sum(shares.values()) <= limit
    served = {partition: behind[partition] for partition in list(behind)[:limit]}
    assert list(shares) == list(served)
    assert all(0 < share <= behind[partition] for partition, share in shares.items() if behind[partition])
    if sum(shares.values()) < limit:
        assert shares == served
    equal = limit // max(len(shares), 1)
    assert all(share >= min(equal, behind[partition]) for partition, share in shares.items())


async def test_each_fetch_is_woken_by_its_own_partitions() -> None:
    log = SharedLog[str](3, lambda: 7)
    news = log.fetch({0: 0, 2: 0}, 10).news
    both = log.fetch({2: 0}, 10).news

    log.append(1, ["a"])
    assert not any(sound.done() for sound in news)
    assert log.append(2, ["b", "c"]) == 7

    assert [sound.done() for sound in news] == [False, True]
    assert both[0].done()
    assert [stored.append_time_ms for stored in log.fetch({2: 0}, 10).slices[2].records] == [7, 7]
    assert log.ends() == {0: 0, 1: 1, 2: 2}


async def test_positions_that_the_log_does_not_have() -> None:
    log = SharedLog[str](3, lambda: 7)
    log.append(0, ["a", "b"])
    log.partitions[0].cut(1)

    fetched = log.fetch({0: 0, 1: 1, 2: 0}, 10)

    assert fetched.out_of_range == [0, 1]
    assert fetched.slices == {}


def test_talk_is_forgotten_when_it_is_old() -> None:
    now_ms = 0
    log = SharedLog[str](1, lambda: now_ms, retention_ms=10)
    log.append(0, ["a"])
    now_ms = 10
    log.append(0, ["b"])
    assert log.partitions[0].start == 0
    now_ms = 11
    log.append(0, ["c"])

    assert [stored.record for stored in log.partitions[0].records] == ["b", "c"]


def test_journal_cleans_itself_where_it_is_told_to() -> None:
    """Without that a `dev --memory` that runs for long would keep every put there ever was."""
    journal = SharedJournal(lambda: 0, retention_ms=0, dirty_ratio=0.5)
    journal.make(JournalSettings(1))
    kept = a_put()
    journal.append(0, [kept])
    for _ in range(5_000):
        put = a_put()
        journal.append(0, [put, a_tombstone(put)])

    records = [stored.record for stored in journal.log.partitions[0].records]
    assert kept in records
    assert len(records) < 2_000
    assert journal.ends() == {0: 10_001}
    assert all(a_tombstone(record) in records for record in records[1:] if isinstance(record, Put))


def test_journal_that_is_left_alone_keeps_everything() -> None:
    journal = SharedJournal(lambda: 0, retention_ms=0)
    journal.make(JournalSettings(1))
    for _ in range(2_000):
        put = a_put()
        journal.append(0, [put, a_tombstone(put)])

    assert len(journal.log.partitions[0].records) == 4_000
