"""Topics are made if there are none, and looked at before they are used (design 6, bootstrap).

CreateTopics is the first request that names a topic: where brokers make topics by themselves, one for metadata would
make it, with whatever settings they have for strangers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka.errors import NoError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest

from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import RETENTION, Topic
from factorsvc.domain.errors import JournalMismatchError, JournalUnavailableError

_AS_BY_DEFAULT: Final = -1
_WHEREVER: Final[Sequence[Any]] = ()
_TOPIC: Final = 2
_MAKING_MS: Final = 1_000
"""How long a controller may take; then the topics may be made all the same."""

Leaders = Mapping[int, int]
"""The broker that leads each partition."""


class NotYetError(Exception):
    """The brokers are not ready for this, as a moment after a topic was made: it is worth trying again."""


def require(code: int, what: str) -> None:
    """Raise an error unless `code`, which a broker answered to `what`, is none.

    Raises:
        NotYetError: it may pass in a moment.
        JournalUnavailableError: it will not pass by itself.
    """
    error = for_code(code)
    if error is NoError:
        return
    if error.retriable:
        raise NotYetError(f"{what}: {error.__name__}")
    raise JournalUnavailableError(f"{what}: {error.__name__}")


async def make(client: Client, topics: Iterable[Topic], replication_factor: int | None) -> None:
    """Make those of `topics` that there are not; many replicas may do so at once.

    Who has no right to make topics has to find them made.

    Raises:
        NotYetError: try again.
        JournalUnavailableError: it does not work.
    """
    copies = _AS_BY_DEFAULT if replication_factor is None else replication_factor
    wanted = [
        (topic.name, topic.partitions, copies, _WHEREVER, [*topic.fixed.items(), *topic.initial.items()])
        for topic in topics
    ]
    answer = await client.ask(CreateTopicsRequest(wanted, _MAKING_MS, validate_only=False))
    for name, code, message in answer.topic_errors:
        if for_code(code) not in {TopicAlreadyExistsError, TopicAuthorizationFailedError}:
            require(code, f"to make {name} ({message})")


async def leaders_of(client: Client, topics: Iterable[Topic]) -> Mapping[str, Leaders]:
    """Return by topic who leads each of its partitions.

    Raises:
        NotYetError: somebody is not known.
        JournalMismatchError: there are more partitions, or fewer.
    """
    wanted = {topic.name: topic for topic in topics}
    answer = await client.describe(wanted)
    found: dict[str, Leaders] = {}
    for code, name, _, partitions in answer.topics:
        require(code, f"to look at {name}")
        _compare(f"{name} partitions", str(len(partitions)), str(wanted[name].partitions))
        for partition_code, partition, *_ in partitions:
            require(partition_code, f"to find who leads partition {partition} of {name}")
        found[name] = {partition: leader for _, partition, leader, *_ in partitions}
    return found


async def check_settings(client: Client, topics: Iterable[Topic]) -> Mapping[str, int]:
    """See that `topics` have the settings that they must have, and return how long each keeps tombstones, in ms.

    Raises:
        NotYetError: try again.
        JournalMismatchError: one has another setting.
    """
    wanted = {topic.name: topic for topic in topics}
    asked = [(_TOPIC, topic.name, [*topic.fixed, RETENTION]) for topic in wanted.values()]
    answer = await client.ask(DescribeConfigsRequest(asked))
    retentions = {}
    for code, message, _, name, entries in answer.resources:
        require(code, f"to look at the settings of {name} ({message})")
        found = _settings(entries)
        for setting, value in wanted[name].fixed.items():
            _compare(f"{name} {setting}", found[setting], value)
        retentions[name] = int(found[RETENTION])
    return retentions


def _settings(entries: Iterable[tuple[Any, ...]]) -> dict[str, str]:
    return {entry[0]: entry[1] for entry in entries}


def _compare(setting: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise JournalMismatchError(setting, found, wanted)
