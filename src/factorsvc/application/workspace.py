"""What the parts of a replica work with during one claim: its ports, its knowledge, its rules."""

from collections.abc import Callable
from dataclasses import dataclass, field

from factorsvc.application.class_custody import ClassCustody
from factorsvc.application.policy import Policy
from factorsvc.application.signal import Signal
from factorsvc.domain.broker_clock import BrokerClock
from factorsvc.domain.cluster_map import ClusterMap
from factorsvc.domain.ports.clock import Clock
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.factorizer import Factorizer
from factorsvc.domain.ports.journal import Journal, JournalFacts
from factorsvc.domain.ports.slot_allocator import SlotClaim
from factorsvc.domain.ports.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a replica is given once and keeps over all its claims."""

    bus: ClusterBus
    clock: Clock
    factorizer: Factorizer
    policy: Policy
    new_id: Callable[[int], bytes]
    """Gives so many random bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What belongs to one claim, and ends with it. Its parts are shared; one task writes the storage and custody."""

    around: Surroundings
    claim: SlotClaim
    facts: JournalFacts
    custody: ClassCustody
    map: ClusterMap
    changed: Signal
    """Fired when what can be seen of the cluster or of this replica has changed."""
    broker_clock: BrokerClock = field(default_factory=BrokerClock)

    @property
    def slot(self) -> int:
        """The slot that is held."""
        return self.claim.slot

    @property
    def storage(self) -> Storage:
        """The database of the slot."""
        return self.claim.storage

    @property
    def journal(self) -> Journal:
        """The journal of all classes."""
        return self.around.bus.journal

    @property
    def clock(self) -> Clock:
        """Cluster time."""
        return self.around.clock

    @property
    def policy(self) -> Policy:
        """The times and bounds to work by."""
        return self.around.policy
