"""The port of the mailboxes, one for each slot, through which questions and answers go (design 9)."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from factorsvc.domain.question import Message


class Mail(NamedTuple):
    """What was read of a mailbox."""

    messages: Sequence[Message]
    gap: bool
    """Messages were missed before these: what is pending is to be asked anew."""


class Mailbox(Protocol):
    """Sends to any slot, reads one's own. A message may be lost, come late, or reach the slot's next holder."""

    @abstractmethod
    async def open(self, slot: int) -> None:
        """Read the mailbox of `slot`, from its end as of now, sought before this returns.

        Raises:
            JournalUnavailableError: the end could not be learnt.
        """

    @abstractmethod
    async def send(self, slot: int, messages: Sequence[Message]) -> None:
        """Append `messages` to the mailbox of `slot`.

        Raises:
            JournalUnavailableError: not acknowledged in time; they may arrive all the same.
        """

    @abstractmethod
    async def take(self, timeout_s: float) -> Mail:
        """Return what came since the last take; wait `timeout_s` at most."""
