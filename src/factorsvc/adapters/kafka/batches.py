"""Batches of records as brokers store them (record format 2, KIP-98)."""

from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder

NOBODY: Final = (-1, -1)
"""The identity of who numbers no batches."""


def new_batch(limit_bytes: int, identity: tuple[int, int] = NOBODY, first: int = -1) -> DefaultRecordBatchBuilder:
    """Return an empty batch of at most `limit_bytes`, or one record, by the producer of `identity` (its id and epoch).

    `first` is the number of its first record among all that this producer appends to the partition.
    """
    producer_id, epoch = identity
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=first,
        batch_size=limit_bytes,
    )
