"""What a group's members go by: its times, and what its coordinator can tell them instead of an answer."""

from typing import NamedTuple

from aiokafka.errors import (
    IllegalGenerationError,
    InvalidSessionTimeoutError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    for_code,
)

from factorsvc.adapters.kafka.topics import require


class GroupTiming(NamedTuple):
    """The times of a member, in seconds, by the names that Kafka's consumers have for them."""

    session_timeout_s: float = 3.0
    """A member that is not heard of for this long is out. Brokers may want more."""
    heartbeat_s: float = 0.3
    """Between two heartbeats; so long it may take until a member hears of a rebalance."""
    rebalance_timeout_s: float = 1.0
    """How long a rebalance waits for members to join again: as long, then, does a frozen one hold it up."""


class AskedError(Exception):
    """A rebalance is on: join again."""


class OutError(Exception):
    """The group does not know this member (any more): join as a new one."""


class SessionRefusedError(Exception):
    """The coordinator does not permit sessions of this length."""


def check(code: int, what: str) -> None:
    """Raise an error unless `code`, which a coordinator answered to `what`, is none.

    Raises:
        AskedError, OutError, SessionRefusedError: as they say.
        NotYetError: it may pass in a moment.
        JournalUnavailableError: it will not pass by itself.
    """
    error = for_code(code)
    if error in {RebalanceInProgressError, IllegalGenerationError}:
        raise AskedError
    if error is UnknownMemberIdError:
        raise OutError
    if error is InvalidSessionTimeoutError:
        raise SessionRefusedError
    require(code, what)
