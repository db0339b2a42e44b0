"""What is to be appended, and what is under way of it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from factorsvc.adapters.kafka.producer import Packed, Producer
from factorsvc.adapters.kafka.records import Keyed
from factorsvc.domain.ports.journal import NoReceipt, Receipt

_RECORDS: Final = 10_000
"""As many records of a class are offered to one batch at most: more do not fit in, and to slice them takes time."""


class Parcel:
    """The records of one class that somebody wants appended, and what has become of them."""

    def __init__(self, class_id: int, records: Sequence[Keyed], deadline: float) -> None:
        self.class_id = class_id
        self.deadline = deadline
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._records = records
        self._receipts: list[Receipt] = []
        self._under_way = 0
        """How many records after those with a receipt have been sent."""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of it is sent any more."""
        return self.over.done()

    @property
    def receipts(self) -> list[Receipt]:
        """One for each record, as things stand."""
        found = [*self._receipts, *[NoReceipt.UNKNOWN] * self._under_way]
        return found + [NoReceipt.NOT_SENT] * (len(self._records) - len(found))

    @property
    def rest(self) -> Sequence[Keyed]:
        """What was not sent yet, or the first part of it."""
        sent = len(self._receipts)
        return self._records[sent : sent + _RECORDS]

    def send(self, records: int) -> None:
        """So many records of the rest are under way from now on."""
        self._under_way = records

    def settle(self, receipt: Receipt) -> None:
        """What was under way has this receipt. Without a time that is the last: what follows must not lie before it."""
        if isinstance(receipt, int):
            self._receipts += [receipt] * self._under_way
            self._under_way = 0
        if self._under_way or len(self._receipts) == len(self._records):
            self.end()

    def end(self) -> None:
        """Send nothing any more."""
        if not self.over.done():
            self.over.set_result(None)


class Round:
    """Parcels that are under way, in part or whole, at most one batch of each class."""

    def __init__(self) -> None:
        self.batches: dict[int, Packed] = {}
        """By class what is to be sent."""
        self._parcels: dict[int, list[Parcel]] = {}

    def add(self, class_id: int, queue: Sequence[Parcel], producer: Producer) -> None:
        """Pack what of `queue` goes into one batch."""
        records = [record for parcel in queue for record in parcel.rest][:_RECORDS]
        packed = producer.pack(class_id, records)
        self.batches[class_id] = packed
        left = packed.records
        self._parcels[class_id] = []
        for parcel in queue:
            share = min(left, len(parcel.rest))
            if share:
                parcel.send(share)
                self._parcels[class_id].append(parcel)
                left -= share

    def settle(self, receipts: Mapping[int, Receipt]) -> None:
        """The batches of these classes have these receipts."""
        for class_id, receipt in receipts.items():
            for parcel in self._parcels.pop(class_id, []):
                parcel.settle(receipt)

    def give_up(self) -> None:
        """Leave in doubt what has no receipt."""
        self.settle(dict.fromkeys([*self._parcels], NoReceipt.UNKNOWN))
