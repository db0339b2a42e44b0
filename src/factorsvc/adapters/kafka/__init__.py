"""The message bus on Kafka, through aiokafka: journal, placement, statuses and mailboxes (design 6, 8 and 9)."""
