"""What a POST has come to, from what the journal said to each of its puts (P8)."""

from collections.abc import Sequence
from enum import Enum, auto

from factorsvc.domain.fold import is_void
from factorsvc.domain.ports.journal import NoReceipt, Receipt
from factorsvc.domain.record import Put


class Verdict(Enum):
    """The outcome of a POST."""

    STORED = auto()
    """Every put is in the journal and counts."""
    NOTHING = auto()
    """No put is or will be in the journal and count."""
    UNKNOWN = auto()
    """Some put may take effect, before the POST's deadline or never."""


def verdict(puts: Sequence[Put], receipts: Sequence[Receipt]) -> Verdict:
    """Judge a POST by the receipts of its puts, in the same order. No puts are stored at once."""
    counted = [_counts(put, receipt) for put, receipt in zip(puts, receipts, strict=True)]
    if all(counts is True for counts in counted):
        return Verdict.STORED
    if all(counts is False for counts in counted):
        return Verdict.NOTHING
    return Verdict.UNKNOWN


def _counts(put: Put, receipt: Receipt) -> bool | None:
    """Tell whether the put counts; None: nobody knows."""
    if isinstance(receipt, NoReceipt):
        return False if receipt is NoReceipt.NOT_SENT else None
    return not is_void(put, receipt)
