"""Whether what was read of a class may be answered (P5)."""

import pytest

from factorsvc.domain.restoration import Position
from factorsvc.domain.trust import Trust, trust
from tests.builders import a_position

LOADED = a_position(load_id=b"this one", next_offset=10)
LATER = LOADED._replace(next_offset=12)
ANOTHER = LOADED._replace(load_id=b"another")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        pytest.param(LOADED, LOADED, Trust.GOOD, id="untouched"),
        pytest.param(LOADED, LATER, Trust.GOOD, id="read on meanwhile"),
        pytest.param(None, LOADED, Trust.GONE, id="loaded meanwhile"),
        pytest.param(LOADED, None, Trust.GONE, id="wiped meanwhile"),
        pytest.param(ANOTHER, ANOTHER, Trust.GONE, id="another view"),
        pytest.param(ANOTHER, LOADED, Trust.GONE, id="another view before"),
        pytest.param(LOADED, ANOTHER, Trust.GONE, id="loaded anew meanwhile"),
    ],
)
def test_only_the_expected_view_that_was_there_all_the_time_is_good(
    before: Position | None, after: Position | None, verdict: Trust
) -> None:
    assert trust(before, after, b"this one", read_index=10) is verdict


@pytest.mark.parametrize(("read_index", "verdict"), [(9, Trust.GOOD), (10, Trust.GOOD), (11, Trust.BEHIND)])
def test_it_must_have_applied_all_below_the_read_index(read_index: int, verdict: Trust) -> None:
    assert trust(LOADED, LOADED, b"this one", read_index) is verdict


def test_what_it_reads_on_while_it_is_read_does_not_count() -> None:
    """The pages may have been taken before that was applied."""
    assert trust(LOADED, LATER, b"this one", read_index=12) is Trust.BEHIND
