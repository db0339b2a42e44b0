"""The commands that writes to a view become: one a key, and none without need."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from factorsvc.adapters.redis.connection import Command
from factorsvc.adapters.redis.edits import Edits
from factorsvc.adapters.redis.layout import Layout, position_text
from factorsvc.domain.ports.storage import Change
from tests.builders import NOW_MS, a_position, a_present

EDITS = Edits(Layout(3), 5)
TOUCH = ["HSET", b"s3:view", b"written", b""]


def listed(commands: Iterable[Command]) -> list[list[str | bytes | int]]:
    return [list(command) for command in commands]


def test_every_transaction_writes_the_view() -> None:
    """Else one that is late would not notice it."""
    assert listed(EDITS.commit({}, Change())) == [TOUCH]
    assert listed(EDITS.commit({}, Change(presents={6: None})))[0] == TOUCH
    assert listed([EDITS.touch()]) == [TOUCH]


def test_the_view_is_written_by_one_command() -> None:
    change = Change(positions={1: a_position()}, loading={2: b"load"}, journal_id=b"id")
    fields = [b"journal", b"id", b"1", position_text(a_position()), b"2", b"loading load"]
    assert listed(EDITS.commit({}, change)) == [[*TOUCH, *fields]]


@given(st.dictionaries(st.integers(1, 60), st.sampled_from([None, NOW_MS, NOW_MS + 1]), min_size=1), st.data())
def test_a_key_is_named_once_by_commands_of_a_kind(expiries: dict[int, int | None], data: st.DataObject) -> None:
    presents = {value: a_present(value, expires_at_ms=at) for value, at in expiries.items()}
    gone = data.draw(st.sets(st.sampled_from(sorted(presents))))
    before = {value: a_present(value) for value in data.draw(st.sets(st.sampled_from(sorted(presents))))}
    change = Change(presents={value: None if value in gone else present for value, present in presents.items()})
    named = [(command[0], command[1]) for command in EDITS.commit(before, change)]
    assert len(named) == len(set(named))
    removal = EDITS.removal(presents, before, {present.key for present in before.values()})
    named = [(command[0], command[1]) for step in removal for command in step]
    assert len(named) == len(set(named))


def test_a_value_put_again_keeps_its_place_in_the_index() -> None:
    """Its member is the same, only the score is another."""
    before = {6: a_present(6)}
    commands = listed(EDITS.commit(before, Change(presents={6: a_present(6, expires_at_ms=NOW_MS)})))
    assert ["ZADD", b"s3:p:2:1", NOW_MS, b"6 2,3"] in commands
    assert not [command for command in commands if command[0] == "ZREM"]


def test_what_stays_of_a_look_is_not_removed() -> None:
    """A removal takes what is named, and the hints of what is not there."""
    six, sixteen = a_present(6), a_present(16)
    removal = EDITS.removal([6, 16, 11], {6: six, 16: sixteen}, {six.key})
    assert sorted(listed(removal.members)) == [["ZREM", b"s3:p:2:1", b"6 2,3"], ["ZREM", b"s3:p:3:1", b"6 2,3"]]
    assert listed(removal.states) == [["HDEL", b"s3:v:1", b"6"]]
    assert listed(removal.hints) == [["ZREM", b"s3:x:1", b"6", b"11"]]
