"""What is taken out of statuses, mail and placement on Kafka."""

from tests.proof.break_ import Break

CONTRACTS = "tests/contracts/test_kafka_talk.py::"
GROUP = "tests/kafka/test_placement_group.py::"
CODECS = "tests/properties/test_kafka_talk.py::"

KAFKA_TALK_BREAKS = (
    Break(
        "predecessors-stay",
        "P7",
        "adapters/kafka/predecessors.py",
        "            await session.put_out(other.member_id)\n",
        "            pass\n",
        GROUP + "test_a_successor_waits_for_nothing_to_run_out",
    ),
    Break(
        "zombies-get-classes",
        "P7",
        "domain/placement.py",
        "if rival is None or _seniority(rival) < _seniority(member):",
        "if rival is None or _seniority(rival) > _seniority(member):",
        GROUP + "test_a_zombie_in_the_group_gets_nothing",
    ),
    Break(
        "leaving-is-not-told",
        "P7",
        "adapters/kafka/membership.py",
        "            await self._session.leave()\n",
        "            pass\n",
        CONTRACTS + "TestKafkaPlacementGroup::test_leave_gives_the_classes_to_others",
    ),
    Break(
        "sessions-refused-for-ever",
        "P7",
        "adapters/kafka/membership.py",
        "                self._want_a_longer_session()\n",
        "                pass\n",
        GROUP + "test_sessions_are_as_short_as_the_brokers_permit",
    ),
    Break(
        "mailbox-sought-later",
        "P5",
        "adapters/kafka/mailbox.py",
        "        await reader.seek()\n",
        "",
        CONTRACTS + "TestKafkaMailbox::test_reads_from_the_end_as_of_open",
    ),
    Break(
        "gaps-kept-secret",
        "P5",
        "adapters/kafka/tail.py",
        "return Tail([], gap=True)",
        "return Tail([], gap=False)",
        CONTRACTS + "TestKafkaMailbox::test_gap",
    ),
    Break(
        "half-a-message-read",
        "P5",
        "adapters/kafka/messages.py",
        "    return message if reader.is_at_end else None\n",
        "    return message\n",
        CODECS + "test_half_a_message_is_nothing",
    ),
)
