"""What must hold in a simulated cluster, at every moment or once it has come to rest."""

import asyncio

from factorsvc.application.replica import Replica
from factorsvc.domain.record import Batch, Entry, Present, Put, Tombstone
from factorsvc.domain.restoration import ColdLoad
from tests.simulation.cluster import SimulatedCluster

_LOOK_S = 0.05


async def watch_slots(cluster: SimulatedCluster) -> None:
    """Fail when two replicas go on believing in one slot (P2).

    One whose lease was wiped, or taken because it seemed dead, has lost its database at that moment, and finds out at
    its next renewal at the latest; its lease's own end comes before two renewals could fail.
    """
    doubled_since: dict[int, float] = {}
    while True:
        await asyncio.sleep(_LOOK_S)
        tenures = [each.replica._tenure for each in cluster.replicas.values()]
        sure = [tenure.claim.slot for tenure in tenures if tenure is not None and tenure.is_sure]
        doubled = {slot for slot in sure if sure.count(slot) > 1}
        doubled_since = {slot: doubled_since.get(slot, cluster.loop.time()) for slot in sorted(doubled)}
        for slot, since in doubled_since.items():
            assert cluster.loop.time() - since <= cluster.lease_ttl_s, f"slot {slot} is held twice since {since}"


async def settled(cluster: SimulatedCluster, within_s: float = 120) -> None:
    """Wait until every replica that can have a slot is ready and knows every class to be served exactly once."""
    loop, deadline = cluster.loop, cluster.loop.time() + within_s
    while not all(_is_settled(cluster, each.replica) for each in cluster.replicas.values()):
        assert loop.time() < deadline, [each.replica.readiness() for each in cluster.replicas.values()]
        waits = [each.node.run(each.replica.changed()) for each in cluster.replicas.values()]
        await asyncio.wait(waits, timeout=1, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _is_settled(cluster: SimulatedCluster, replica: Replica) -> bool:
    serving = sorted(class_id for status in replica.cluster() for class_id in status.serving)
    return replica.readiness().ready and serving == list(range(cluster.policy.classes))


async def at_rest(cluster: SimulatedCluster, within_s: float = 60) -> None:
    """Wait until each class is in exactly one live replica's database, as the journal has it (P3, P4).

    Databases of replicas that are gone may hold whatever they held.
    """
    deadline = cluster.loop.time() + within_s
    while difference := _difference(cluster):
        assert cluster.loop.time() < deadline, difference
        await asyncio.sleep(0.5)


def _difference(cluster: SimulatedCluster) -> str:
    live = {each.replica.readiness().slot for each in cluster.replicas.values()} - {None}
    for class_id in range(cluster.policy.classes):
        views = {slot: _view(cluster, slot, class_id) for slot in sorted(slot for slot in live if slot is not None)}
        held = {slot: view for slot, view in views.items() if view is not None}
        if len(held) != 1:
            return f"class {class_id} is held by slots {sorted(held)}"
        (view,) = held.values()
        if view != journal_of(cluster, class_id):
            return f"class {class_id}: {view} is not {journal_of(cluster, class_id)}"
    return ""


def _view(cluster: SimulatedCluster, slot: int, class_id: int) -> dict[int, Present] | None:
    """What a database holds of a class and has not expired; None if it holds no view of it."""
    database = cluster.redis.databases[slot]
    stored = database.some(class_id, 1_000_000)
    if not stored and not database.positions_of([class_id]):
        return None
    return {present.value: present for present in stored if not present.has_expired(cluster.now_ms())}


def journal_of(cluster: SimulatedCluster, class_id: int) -> dict[int, Present]:
    """What the journal of a class, as it is now, makes of its values, by the project's own fold."""
    stored = cluster.broker.journal.log.partitions[class_id].records
    entries = [Entry(s.offset, s.append_time_ms, s.record) for s in stored if isinstance(s.record, Put | Tombstone)]
    load = ColdLoad(class_id, b"", 0)
    load.fold(Batch(class_id, 0, 1 << 60, entries))
    everything = [present for chunk in load.chunks(1_000_000) for present in chunk]
    return {present.value: present for present in everything if not present.has_expired(cluster.now_ms())}
