"""Puts, tombstones and present puts: one identity, and a time to go."""

import pytest

from tests.builders import NOW_MS, a_present, a_put, a_tombstone, present_of


def test_a_put_and_the_state_it_makes_have_one_key() -> None:
    put = a_put()

    assert put.key == present_of(put).key


def test_a_tombstone_names_the_key_of_its_put() -> None:
    put = a_put()

    assert (a_tombstone(put).value, a_tombstone(put).put_id) == put.key


def test_puts_of_one_value_have_different_keys() -> None:
    assert a_put(120).key != a_put(120).key


def test_one_put_id_under_two_values_is_two_keys() -> None:
    assert a_put(2, put_id=b"the same one").key != a_put(3, put_id=b"the same one").key


@pytest.mark.parametrize(
    ("expires_at_ms", "expired"), [(None, False), (NOW_MS + 1, False), (NOW_MS, True), (NOW_MS - 1, True)]
)
def test_a_value_is_gone_from_its_expiry_on(expires_at_ms: int | None, expired: bool) -> None:
    assert a_present(expires_at_ms=expires_at_ms).has_expired(NOW_MS) is expired
