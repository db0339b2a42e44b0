"""The laws of dealing classes over Kafka: what is told is understood as it was said, and nothing stops the leader."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from factorsvc.adapters.kafka.assignor import deal, member_bytes, member_in, placement_in
from factorsvc.adapters.kafka.predecessors import claim_in, client_id_of
from factorsvc.domain.placement import Member, place
from tests.builders import a_member

CLASSES = 7
views = st.frozensets(st.integers(0, CLASSES - 1))
members = st.builds(Member, st.integers(0, 15), st.integers(0, 2**53), views, views, views)
foreign = st.binary(max_size=60) | st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
).map(lambda said: json.dumps(said).encode())


@given(members)
def test_a_member_is_understood_as_it_said(member: Member) -> None:
    """Its claim, and every class that its view holds, by how far it is."""
    assert member_in(member_bytes(member)) == member


@given(st.lists(members, min_size=1, max_size=5))
def test_everybody_is_told_the_placement_of_everybody(group: list[Member]) -> None:
    """By the one rule, whatever the order in which members are listed."""
    said = [member_bytes(member) for member in group]

    assert placement_in(deal(said, CLASSES), CLASSES) == place(group, CLASSES)
    assert deal(reversed(said), CLASSES) == deal(said, CLASSES)


@given(members, st.lists(foreign, max_size=5))
@example(a_member(), [b"[" * 100_000])
@example(a_member(), [member_bytes(a_member()).replace(b'"slot":0', b'"slot":"0"')])
@example(a_member(), [member_bytes(a_member()).replace(b'"slot":0', b'"slot":[]')])
@example(a_member(), [member_bytes(a_member()).replace(b'"serving":[]', b'"serving":5')])
def test_nothing_is_placed_on_who_cannot_be_understood(member: Member, others: list[bytes]) -> None:
    """And the others are not kept waiting by it."""
    assert deal([*others, member_bytes(member)], CLASSES) == deal([member_bytes(member)], CLASSES)


@given(foreign)
@example(b"")
@example(b"[" * 100_000)
@example(b"[[0,0]]")
@example(b"[[0,0,0]]")
@example(b"[[]]")
def test_what_is_no_placement_of_all_classes_is_none(dealt: bytes) -> None:
    """As where nobody was understood, or the leader counts other classes."""
    assert placement_in(dealt, CLASSES) is None
    assert placement_in(deal([dealt], CLASSES), CLASSES) is None
    assert placement_in(deal([member_bytes(a_member())], CLASSES + 1), CLASSES) is None


@given(members)
def test_a_client_id_tells_the_claim(member: Member) -> None:
    """That is how a claim finds its predecessors; no other client is one."""
    assert claim_in(client_id_of(member)) == (member.slot, member.epoch)
    assert claim_in(client_id_of(member) + "-1") is None
    assert claim_in("factorsvc") is None
