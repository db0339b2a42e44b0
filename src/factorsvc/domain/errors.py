"""Every error of the service, as values of the domain: adapters raise nothing else, an entrypoint answers with them.

The first branch says whose fault it is, which is what the receiver must know::

    FactorsvcError
    |-- RequestError                     the request: repeating it unchanged does not help
    |   |-- InvalidNumberError           an element of the body is not an integer >= 1
    |   |-- InvalidTtlError              ttl is not an integer from 1 s to 100 years
    |   |-- NumberTooLargeError          longer than the limit of bits
    |   |-- BatchTooLargeError           more numbers than the limit
    |   |-- NotPrimeError                asked for the multiples of something that is no prime
    |   `-- FactoringTimeoutError        a number that held a worker was not factored by the deadline
    |-- ReplicaError                     this replica: another one, or a later try, may succeed
    |   |-- NotReadyError                holds no slot, has not yet seen every class covered, or has no broker time
    |   |-- OverloadedError              too much under way already, refused before work was done
    |   |-- SlotLostError                the lease is gone; everything that belongs to the claim ends
    |   |-- StorageUnavailableError      the database does not answer
    |   |   `-- RemovalUnknownError      ... to a removal outside a transaction, so the claim must be fenced again
    |   |-- StorageMismatchError         the server of the databases cannot be used as it is
    |   |-- StorageConflictError         the view changed between look and commit: look again
    |   `-- StorageFullError             the database takes no more writes
    `-- ClusterError                     what all replicas share
        |-- NotCoveredError              some class could not be answered in time
        |-- JournalUnavailableError      the message bus does not answer: journal, mailboxes, statuses or placement
        |-- JournalReplacedError         the journal is not the one that the view in hand was made from
        |-- JournalMismatchError         the journal exists with settings that this service cannot work with
        |-- OutOfRangeError              an offset that is not in the journal (any more)
        |-- NotStoredError               a POST of which surely nothing is stored
        |-- OutcomeUnknownError          a POST of which some, all or nothing may take effect before its deadline
        `-- ClusterFullError             a live replica says that its database is full

Fields carry the facts; messages are for people and repeat no secret and no part of a request but the number at fault.
"""

from collections.abc import Iterable


class FactorsvcError(Exception):
    """Root of all errors this service raises on purpose. Abstract."""


class RequestError(FactorsvcError):
    """The request cannot be served as it is. Abstract."""


class InvalidNumberError(RequestError):
    """Element `index` of the body is not an integer >= 1 (0, negative, boolean, float, string, null, nested)."""

    def __init__(self, index: int) -> None:
        super().__init__(f"element {index} is not an integer of at least 1")
        self.index = index


class InvalidTtlError(RequestError):
    """`ttl` is not one integer of seconds between 1 and `limit_s`."""

    def __init__(self, limit_s: int) -> None:
        super().__init__(f"ttl must be one integer of seconds from 1 to {limit_s}")
        self.limit_s = limit_s


class NumberTooLargeError(RequestError):
    """A number has more than `limit_bits` bits. `index` is its place in the body, None for the prime of a GET."""

    def __init__(self, limit_bits: int, index: int | None = None) -> None:
        where = "the number" if index is None else f"element {index}"
        super().__init__(f"{where} has more than {limit_bits} bits")
        self.limit_bits = limit_bits
        self.index = index


class BatchTooLargeError(RequestError):
    """The body has more than `limit` numbers."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} numbers in one request")
        self.limit = limit


class NotPrimeError(RequestError):
    """`number` is not a prime, so nothing has it as a prime factor."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{number} is not a prime")
        self.number = number


class FactoringTimeoutError(RequestError):
    """`number` had a worker and was still not factored within the request's `limit_s` seconds."""

    def __init__(self, number: int, limit_s: float) -> None:
        super().__init__(f"{number} could not be factored within {limit_s:g} s")
        self.number = number
        self.limit_s = limit_s


class ReplicaError(FactorsvcError):
    """This replica cannot serve the request now. Abstract."""


class NotReadyError(ReplicaError):
    """The replica does not serve: `reason` says what it waits for."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not ready: {reason}")
        self.reason = reason


class OverloadedError(ReplicaError):
    """Refused early: `what` has no room left. Nothing was done for the request."""

    def __init__(self, what: str) -> None:
        super().__init__(f"overloaded: {what}")
        self.what = what


class SlotLostError(ReplicaError):
    """The claim is over: the lease expired, was wiped or taken, or the server refused the slot's user."""

    def __init__(self, slot: int) -> None:
        super().__init__(f"slot {slot} is lost")
        self.slot = slot


class StorageUnavailableError(ReplicaError):
    """The database did not answer, and may have done what was asked. Look at the view again before writing."""


class RemovalUnknownError(StorageUnavailableError):
    """A removal outside a transaction may still be carried out, or cannot be begun because a commit may.

    The storage refuses every write from then on: only a new claim, which cuts its connections, ends the doubt.
    """


class StorageMismatchError(ReplicaError):
    """The server of the databases is not what this service needs: `faults` say what is wrong, one thing each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class StorageConflictError(ReplicaError):
    """The view was written since the look that a commit builds on; nothing of the commit was applied."""


class StorageFullError(ReplicaError):
    """The database takes no more writes; nothing of the commit was applied. Removals still work."""


class ClusterError(FactorsvcError):
    """The cluster as a whole cannot serve the request now. Abstract."""


class NotCoveredError(ClusterError):
    """`classes` could not be answered before the deadline: an answer without them would be too short (P5)."""

    def __init__(self, classes: Iterable[int]) -> None:
        self.classes = tuple(sorted(classes))
        super().__init__(f"classes not answered in time: {len(self.classes)}")


class JournalUnavailableError(ClusterError):
    """The message bus did not answer, and may have done what was asked: of a burial any prefix may have landed."""


class JournalReplacedError(ClusterError):
    """The journal was made anew, or its settings have changed: begin again with what it is now."""


class JournalMismatchError(ClusterError):
    """The journal's `setting` is not what this service needs. Nothing is done with it."""

    def __init__(self, setting: str, found: str, wanted: str) -> None:
        super().__init__(f"the journal has {setting} = {found}, not {wanted}")
        self.setting = setting
        self.found = found
        self.wanted = wanted


class OutOfRangeError(ClusterError):
    """The position of `class_id` is not in the journal: the view it came from is worthless."""

    def __init__(self, class_id: int) -> None:
        super().__init__(f"position of class {class_id} is out of the journal's range")
        self.class_id = class_id


class NotStoredError(ClusterError):
    """No put of the POST was appended in time, and none can be any more (P8)."""


class OutcomeUnknownError(ClusterError):
    """Some put of the POST was not acknowledged: it takes effect before the POST's deadline or never (P8)."""


class ClusterFullError(ClusterError):
    """`slots` say that their databases are full; nothing was appended."""

    def __init__(self, slots: Iterable[int]) -> None:
        self.slots = tuple(sorted(slots))
        super().__init__("no room: the database is full")
