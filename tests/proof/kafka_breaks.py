"""What is taken out of the Kafka adapter."""

from tests.proof.break_ import Break

TOPICS = "tests/kafka/test_topics.py::"
CLIENT = "tests/kafka/test_client.py::"
RECORDS = "tests/properties/test_kafka_records.py::"

KAFKA_BREAKS = (
    Break(
        "any-settings-of-a-topic",
        "P4, P8",
        "adapters/kafka/topics.py",
        '            _compare(f"{name} {setting}", found[setting], value)\n',
        "            pass\n",
        TOPICS + "test_a_topic_with_other_settings_is_refused",
    ),
    Break(
        "each-its-own-name",
        "P4",
        "adapters/kafka/naming.py",
        "    found = await _first_name(client, topic, leader)\n    if found is None:\n",
        "    found = await _first_name(client, topic, leader)\n    return random_bytes(1)\n    if found is None:\n",
        TOPICS + "test_the_name_outlives_compaction",
    ),
    Break(
        "any-first-record",
        "P4",
        "adapters/kafka/naming.py",
        "    if not isinstance(record, JournalName):\n",
        "    if record is not None and not isinstance(record, JournalName):\n",
        TOPICS + "test_a_topic_that_began_with_something_else_is_refused",
    ),
    Break(
        "fewer-copies",
        "P4",
        "adapters/kafka/layout.py",
        "str(copies // 2 + 1)",
        "str((copies + 1) // 2)",
        "tests/unit/adapters/test_kafka_layout.py",
    ),
    Break(
        "newer-puts-passed-over",
        "P5",
        "adapters/kafka/records.py",
        "        raise UnreadableError(int(number))\n",
        "        return None\n",
        RECORDS + "test_what_may_be_a_put_of_a_newer_version_is_not_passed_over",
    ),
    Break(
        "a-null-name",
        "P4",
        "adapters/kafka/records.py",
        "return Keyed(_NAME + journal_id, bytes([VERSION]))",
        "return Keyed(_NAME + journal_id, None)",
        RECORDS + "test_a_name_is_read_as_it_was_written_and_is_no_tombstone",
    ),
    Break(
        "sent-after-the-end",
        "P8",
        "adapters/kafka/client.py",
        "        self._is_closed = True\n",
        "",
        CLIENT + "test_closed_is_closed",
    ),
    Break(
        "no-second-bootstrap",
        "P7",
        "adapters/kafka/client.py",
        "        if session is self._session:\n            self._session = None\n",
        "        del session\n",
        CLIENT + "test_a_broker_elsewhere_is_found",
    ),
    Break(
        "a-part-left-open",
        "P8",
        "adapters/kafka/bus.py",
        "(journal, placement, statuses, mailbox)",
        "(placement, statuses, mailbox)",
        "tests/contracts/test_kafka_bus.py",
    ),
    Break(
        "connected-after-the-end",
        "P8",
        "adapters/kafka/session.py",
        "        if self._is_closed:\n            _abort(connection)\n",
        "        if self._is_closed:\n",
        CLIENT + "test_ended_while_it_connects_it_leaves_nothing_open",
    ),
)
