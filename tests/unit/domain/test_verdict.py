"""What a POST has come to (P8)."""

import pytest

from factorsvc.domain.ports.journal import NoReceipt, Receipt
from factorsvc.domain.verdict import Verdict, verdict
from tests.builders import NOW_MS, a_put

IN_TIME, LATE = NOW_MS, NOW_MS + 1


@pytest.mark.parametrize(
    ("receipts", "outcome"),
    [
        ([], Verdict.STORED),
        ([IN_TIME], Verdict.STORED),
        ([IN_TIME, IN_TIME], Verdict.STORED),
        ([LATE], Verdict.NOTHING),
        ([NoReceipt.NOT_SENT], Verdict.NOTHING),
        ([LATE, NoReceipt.NOT_SENT], Verdict.NOTHING),
        ([NoReceipt.UNKNOWN], Verdict.UNKNOWN),
        ([IN_TIME, NoReceipt.UNKNOWN], Verdict.UNKNOWN),
        ([LATE, NoReceipt.UNKNOWN], Verdict.UNKNOWN),
        ([NoReceipt.NOT_SENT, NoReceipt.UNKNOWN], Verdict.UNKNOWN),
        ([IN_TIME, LATE], Verdict.UNKNOWN),
        ([IN_TIME, NoReceipt.NOT_SENT], Verdict.UNKNOWN),
    ],
)
def test_stored_is_what_landed_whole_and_in_time_and_nothing_what_surely_did_not_at_all(
    receipts: list[Receipt], outcome: Verdict
) -> None:
    puts = [a_put(append_by_ms=NOW_MS) for _ in receipts]

    assert verdict(puts, receipts) is outcome
    assert verdict(puts[::-1], receipts[::-1]) is outcome


def test_each_put_is_judged_by_its_own_deadline() -> None:
    puts = [a_put(append_by_ms=LATE), a_put(append_by_ms=IN_TIME)]

    assert verdict(puts, [LATE, IN_TIME]) is Verdict.STORED
    assert verdict(puts, [IN_TIME, LATE]) is Verdict.UNKNOWN


def test_a_receipt_must_be_there_for_each_put() -> None:
    with pytest.raises(ValueError, match="shorter"):
        verdict([a_put()], [])
