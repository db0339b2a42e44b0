"""Which topics there are and what they must be like: what is fixed for good, and what they are made with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from factorsvc.domain.slot import SLOTS

_DAY_MS: Final = 24 * 60 * 60 * 1000
_TALK_STAYS_MS: Final = 60 * 1000
_TALK_SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""Frames of long answers pass through the mailboxes: a gigabyte, the default, would stay in each on the disk."""
_MAIL_BYTES: Final = 16 * 1024 * 1024
"""One part of an answer may hold a page of each of 32 primes; of larger messages than 1 MiB brokers want to be told."""

RETENTION: Final = "delete.retention.ms"
"""How long tombstones stay: whoever runs the brokers may change it, so it is asked for."""

_STAMPED: Final = {"message.timestamp.type": "LogAppendTime"}
"""By the broker's clock: a put's deadline is judged by it, and a replica whose clock is wrong has nothing kept or
forgotten by that."""
_FOR_EVER: Final = {"cleanup.policy": "compact", **_STAMPED}
_FOR_A_WHILE: Final = {"cleanup.policy": "delete", **_STAMPED}


class Topic(NamedTuple):
    """One topic."""

    name: str
    partitions: int
    fixed: Mapping[str, str]
    """Settings without which the service is wrong; a topic that has others is refused."""
    initial: Mapping[str, str]
    """Settings that it is made with, which may be changed later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that replicas share on the brokers."""

    prefix: str
    classes: int
    replication_factor: int | None = None
    """How many brokers keep a copy of each topic; None: as many as they do by default."""
    journal_settings: Mapping[str, str] = field(default_factory=dict)
    """What the journal is made with instead of our defaults, or besides, as where its compaction is to be watched."""

    @property
    def group(self) -> str:
        """The consumer group whose members the classes are placed on."""
        return f"{self.prefix}.replicas"

    @property
    def journal(self) -> Topic:
        """One partition a class, compacted.

        Without `max.compaction.lag.ms` tombstones stay until much has been appended after them, in a quiet class for
        ever (measured with Kafka 4.1). A put is acknowledged by a majority of its copies, and no broker that lacks an
        acknowledged one ever becomes the leader (P4).
        """
        copies = self.replication_factor
        majority = {} if copies is None else {"min.insync.replicas": str(copies // 2 + 1)}
        return Topic(
            f"{self.prefix}.journal",
            self.classes,
            _FOR_EVER,
            {
                RETENTION: str(_DAY_MS),
                "max.compaction.lag.ms": str(_DAY_MS),
                "unclean.leader.election.enable": "false",
                **majority,
                **self.journal_settings,
            },
        )

    @property
    def statuses(self) -> Topic:
        """One partition that everybody reads."""
        return Topic(f"{self.prefix}.status", 1, _FOR_A_WHILE, self._talk)

    @property
    def mail(self) -> Topic:
        """One partition a slot."""
        return Topic(f"{self.prefix}.mail", SLOTS, _FOR_A_WHILE, {**self._talk, "max.message.bytes": str(_MAIL_BYTES)})

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All topics."""
        return (self.journal, self.statuses, self.mail)

    @property
    def _talk(self) -> Mapping[str, str]:
        """Nobody reads a word that is a minute old, and a lost one is said again: one copy of it is enough."""
        return {
            "retention.ms": str(_TALK_STAYS_MS),
            "segment.ms": str(_TALK_STAYS_MS),
            "segment.bytes": str(_TALK_SEGMENT_BYTES),
            "min.insync.replicas": "1",
        }
