"""The one Redis of a cluster in memory: 16 databases, their leases, the users that are confined to them, connections.

It keeps what safety rests on (design 5): a claim and its fence are one step, a fenced connection carries out nothing
any more, a lease watched and changed meanwhile cannot be claimed, and all that expires does so by the server's clock.
It fails as the real one does: full, wiped, restarted with or without its last writes, out of reach.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, TypeVar

from factorsvc.adapters.memory.database import Database
from factorsvc.adapters.memory.link import Link, LinkDownError
from factorsvc.domain.errors import StorageFullError
from factorsvc.domain.slot import SLOTS, SlotSight, Survey, next_epoch

T = TypeVar("T")


class RefusedError(Exception):
    """The server does not know this user, or not by this secret (WRONGPASS)."""


class User(NamedTuple):
    """What a connection authenticates as: the only one that may use the database of `slot`."""

    slot: int
    owner: str
    secret: int


@dataclass(slots=True, eq=False)
class Connection:
    """One end-to-end connection; `user` is None where it was made with the credentials that all replicas share."""

    owner: str
    """The process that made it, by its token."""
    link: Link
    user: User | None = None
    number: int = 0
    """Given by the server when it let the client in, another one each time."""
    standing: int | None = None
    """The slot that it has selected."""
    hung_up: bool = False
    """Closed by its client: seen no more, though what is on its way over it may still be carried out."""


class _Lease(NamedTuple):
    token: str
    expires_at_ms: int


class LeaseSight(NamedTuple):
    """A lease as it was watched."""

    token: str | None
    version: int
    connected: bool
    """Somebody else stood in the slot."""


class MemoryRedis:
    """The server. Replicas reach it through links only: by `connect`, and with `serve` around everything else."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Start empty; `now_ms` is the server's own clock."""
        self.now_ms = now_ms
        self.full = False
        """Refuse claims and transactions, as `noeviction` does; removals and renewals go on."""
        self.down = False
        """Refuse every call."""
        self.databases = [Database() for _ in range(SLOTS)]
        self._leases: dict[int, _Lease] = {}
        self._lease_versions = [0] * SLOTS
        self._users: dict[int, User] = {}
        self._connections: dict[int, Connection] = {}
        """Those that neither side has closed, by number."""
        self._numbers = count(1)
        self._first_number = 1
        """Of the first connection since the last start: those before ended with it."""
        self._started_ms = now_ms()
        self._saved = (deepcopy(self.databases), dict(self._leases))

    def connect(self, connection: Connection) -> None:
        """Let a client in.

        Raises:
            RefusedError: its user is not known.
        """
        if self.down or connection.hung_up:
            raise LinkDownError("connection refused", sent=False)
        if connection.user is not None and self._users.get(connection.user.slot) != connection.user:
            raise RefusedError
        connection.number = next(self._numbers)
        connection.standing = None if connection.user is None else connection.user.slot
        self._connections[connection.number] = connection

    def has_closed(self, connection: Connection) -> bool:
        """Tell whether the server has closed a connection: it was restarted, or the user deleted."""
        user = connection.user
        return connection.number < self._first_number or (user is not None and self._users.get(user.slot) != user)

    def serve(self, connection: Connection, effect: Callable[[], T]) -> T:
        """Do `effect`, unless the connection it comes over has been closed by now."""
        if self.down or self.has_closed(connection):
            raise LinkDownError("the connection is closed", sent=False)
        return effect()

    def hang_up(self, connection: Connection) -> None:
        """See a connection end that its client has closed."""
        connection.hung_up = True
        self._connections.pop(connection.number, None)

    def disconnect(self, owner: str) -> None:
        """See all connections of a process end that was killed."""
        for connection in [each for each in self._connections.values() if each.owner == owner]:
            connection.link.cut()
            self.hang_up(connection)

    def survey(self) -> Survey:
        """Say what there is to see of all slots."""
        standing = {connection.standing for connection in self._connections.values()}
        slots = (
            SlotSight(self._lease(slot) is not None, database.holds_view, slot in standing)
            for slot, database in enumerate(self.databases)
        )
        return Survey(tuple(slots), (self.now_ms() - self._started_ms) / 1000)

    def watch_lease(self, connection: Connection, slot: int) -> LeaseSight:
        """Enter a slot, and say whose it is."""
        connected = any(each.standing == slot for each in self._connections.values() if each is not connection)
        connection.standing = slot
        lease = self._lease(slot)
        return LeaseSight(None if lease is None else lease.token, self._lease_versions[slot], connected)

    def leave(self, connection: Connection) -> None:
        """Leave a slot that was entered."""
        connection.standing = None

    def claim(self, user: User, ttl_s: float, watched: LeaseSight) -> int | None:
        """Set lease, epoch and user and cut whoever was in the slot, in one step; None if the lease was touched since.

        The lease of another token goes over as well: whether it may is decided by who watched it.

        Raises:
            StorageFullError: there is no room for a lease.
        """
        slot, database = user.slot, self.databases[user.slot]
        lease = self._lease(slot)
        if self.full:
            raise StorageFullError
        if self._lease_versions[slot] != watched.version:
            return None
        epoch = database.epoch
        if epoch is None or lease is None or lease.token != user.owner:
            epoch = next_epoch(self.now_ms(), epoch)
            database.set_epoch(epoch)
        self._set_lease(slot, _Lease(user.owner, self.now_ms() + round(ttl_s * 1000)))
        self._fence(slot, user)
        return epoch

    def renew(self, slot: int, ttl_s: float) -> int | None:
        """Give a lease another `ttl_s` and return the server's time; None if there is no lease. Works when full."""
        lease = self._lease(slot)
        if lease is None:
            return None
        self._set_lease(slot, lease._replace(expires_at_ms=self.now_ms() + round(ttl_s * 1000)))
        return self.now_ms()

    def release(self, slot: int, watched: LeaseSight) -> bool:
        """End a lease and cut whoever is in the slot, in one step; False if the lease was touched since.

        Raises:
            StorageFullError: a full server of an older version refuses every transaction, also one that makes room.
        """
        self._lease(slot)
        if self.full:
            raise StorageFullError
        if self._lease_versions[slot] != watched.version:
            return False
        self._set_lease(slot, None)
        self._fence(slot)
        return True

    def lapse(self, slot: int) -> None:
        """Let a lease expire now."""
        self._set_lease(slot, None)

    def wipe(self) -> None:
        """Lose all data and leases, as by FLUSHALL. Users and connections stay."""
        for slot, database in enumerate(self.databases):
            database.wipe()
            self._set_lease(slot, None)

    def save(self) -> None:
        """Make all that is there now survive any restart."""
        self._saved = (deepcopy(self.databases), dict(self._leases))

    def restart(self, *, lose_unsaved: bool = False) -> None:
        """Cut all connections and lose all users; on demand also all that was written since it was last saved."""
        self._users.clear()
        self._first_number = next(self._numbers)
        self._started_ms = self.now_ms()
        self._cut_closed()
        if lose_unsaved:
            self.databases, leases = deepcopy(self._saved)
            for slot in range(SLOTS):
                self._set_lease(slot, leases.get(slot))

    def _lease(self, slot: int) -> _Lease | None:
        lease = self._leases.get(slot)
        if lease is not None and lease.expires_at_ms <= self.now_ms():
            self._set_lease(slot, None)
            return None
        return lease

    def _set_lease(self, slot: int, lease: _Lease | None) -> None:
        self._lease_versions[slot] += 1
        if lease is None:
            self._leases.pop(slot, None)
        else:
            self._leases[slot] = lease

    def _fence(self, slot: int, user: User | None = None) -> None:
        """Delete the user of a slot, which closes its connections, and let another one in."""
        self._users.pop(slot, None)
        if user is not None:
            self._users[slot] = user
        self._cut_closed()

    def _cut_closed(self) -> None:
        for connection in [each for each in self._connections.values() if self.has_closed(each)]:
            del self._connections[connection.number]
            connection.link.cut()
