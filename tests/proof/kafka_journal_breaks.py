"""What is taken out of the journal on Kafka."""

from typing import Final

from tests.proof.break_ import Break

APPENDS: Final = "tests/kafka/test_appends.py::"
ENDS: Final = "tests/kafka/test_end_offsets.py::"
READER: Final = "tests/kafka/test_journal_reader.py::"
JOURNAL: Final = "tests/kafka/test_journal.py::"
FETCHED: Final = "tests/kafka/test_fetched.py::"

KAFKA_JOURNAL_BREAKS = (
    Break(
        "kafka-use-a-failed-producer-again",
        "P4",
        "adapters/kafka/producer.py",
        "            return None\n        self.is_over = True\n",
        "            return None\n",
        APPENDS + "test_a_producer_that_failed_is_not_used_again",
    ),
    Break(
        "kafka-use-an-overrun-producer-again",
        "P8",
        "adapters/kafka/appends.py",
        "            self._producer.abandon()\n            self._producer = None\n        if self._driver",
        "            pass\n        if self._driver",
        APPENDS + "test_a_producer_that_overran_a_deadline_is_not_used_again",
    ),
    Break(
        "kafka-trust-any-append-time",
        "P8",
        "adapters/kafka/producer.py",
        "NoReceipt.UNKNOWN if append_time_ms == _NO_TIME else int(append_time_ms)",
        "int(append_time_ms)",
        APPENDS + "test_a_time_that_is_not_the_brokers_is_no_receipt",
    ),
    Break(
        "kafka-number-no-batches",
        "P4, P8",
        "adapters/kafka/producer.py",
        "new_batch(self._batch_bytes, self._identity, self._next[class_id])",
        "new_batch(self._batch_bytes)",
        JOURNAL + "test_what_was_sent_twice_is_there_once",
    ),
    Break(
        "kafka-append-again-with-another-producer",
        "P8",
        "adapters/kafka/parcels.py",
        "        if self._under_way or len(self._receipts) == len(self._records):\n",
        "        else:\n            self._under_way = 0\n        if len(self._receipts) == len(self._records):\n",
        "tests/properties/test_kafka_appends.py::test_what_is_told_of_appends_is_true",
    ),
    Break(
        "kafka-send-on-after-a-failure",
        "P4",
        "adapters/kafka/parcels.py",
        "if self._under_way or len",
        "if len",
        APPENDS + "test_what_follows_a_failure_was_never_sent",
    ),
    Break(
        "kafka-send-what-was-cancelled",
        "P8",
        "adapters/kafka/appends.py",
        "                parcel.end()\n        return {parcel",
        "                pass\n        return {parcel",
        APPENDS + "test_what_nobody_waits_for_any_more_is_not_sent",
    ),
    Break(
        "kafka-share-earlier-end-offsets",
        "P5",
        "adapters/kafka/end_offsets.py",
        "        async with self._turn:\n            self._gathering = None\n",
        "        async with self._turn:\n",
        ENDS + "test_no_answer_is_shared_that_was_asked_for_earlier",
    ),
    Break(
        "kafka-take-half-an-answer-for-the-ends",
        "P5",
        "adapters/kafka/end_offsets.py",
        "if ends.keys() != set(range(self._topic.partitions)) or min(ends.values()) < 0:",
        "if False:",
        ENDS + "test_an_answer_that_is_not_whole_is_asked_for_again",
    ),
    Break(
        "kafka-read-past-what-is-unreadable",
        "P4",
        "adapters/kafka/fetched.py",
        "                    self._unreadable = error\n                    break\n",
        "                    del error\n                    continue\n",
        FETCHED + "test_a_record_of_another_version_is_not_passed_over",
    ),
    Break(
        "kafka-stop-at-a-hole",
        "P5",
        "adapters/kafka/fetched.py",
        "self._position = max(self._position, self._batch_end)",
        "pass",
        FETCHED + "test_holes_are_passed_at_the_start_in_the_middle_and_at_the_end",
    ),
    Break(
        "kafka-no-watch-on-progress",
        "P5",
        "adapters/kafka/journal_reader.py",
        "            self._start_over()\n\n    def _start_over",
        "            pass\n\n    def _start_over",
        READER + "test_a_consumer_without_progress_is_replaced_and_counted",
    ),
    Break(
        "kafka-take-an-answer-to-another-question",
        "P4",
        "adapters/kafka/journal_reader.py",
        "if self._positions.get(each) == at}",
        "if each in self._positions}",
        READER + "test_an_order_is_not_undone_by_an_answer_to_an_earlier_one",
    ),
)
