"""The whole cluster under everything that can happen to it: P2 to P8, over many seeds."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from factorsvc.application.policy import Policy
from factorsvc.application.replica import Replica
from tests.checker.checker import Verdict, check
from tests.simulation.clients import PRIMES, Clients
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.loop import SimulationLoop
from tests.simulation.nemesis import Nemesis, leave
from tests.simulation.run import run

POLICY = Policy(classes=7, bury_after_s=5, verify_interval_s=5, drain_delay_s=1, drain_deadline_s=10)
"""Small and quick, so that every rule of the journal gets its chance within two virtual minutes."""


async def plague(loop: SimulationLoop, seed: int, for_s: float) -> Clients:
    """Run a cluster under load and faults for `for_s` virtual seconds, heal it, and read everything."""
    cluster = SimulatedCluster(loop, POLICY, seed, lease_ttl_s=5)
    cluster.broker.journal.retention_ms = 40_000
    clients = Clients(cluster, seed)
    nemesis = Nemesis(cluster, clients, seed)
    for _ in range(3):
        nemesis.more()
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(watch_slots(cluster))
        for number in range(4):
            group.create_task(clients.run(f"c{number}", for_s))
        await nemesis.run(for_s)
        await asyncio.sleep(cluster.lease_ttl_s)  # by then who has lost its slot knows
        await healed(cluster)
        for name in list(cluster.replicas):
            for prime in PRIMES:
                assert await clients.get("reader", cluster.replicas[name], prime) is not None, clients.failures[-1]
        watch.cancel()
    return clients


async def watch_slots(cluster: SimulatedCluster) -> None:
    """Fail when two replicas are sure of one slot at a time (P2), unless its lease was taken away by force."""
    while True:
        await asyncio.sleep(0.05)
        sure = [
            readiness.slot
            for each in cluster.replicas.values()
            if (readiness := each.replica.readiness()).slot is not None and readiness.reason != "the lease is not sure"
        ]
        if cluster.loop.time() < cluster.leases_broken_at + cluster.lease_ttl_s:
            continue
        assert len(sure) == len(set(sure)), f"slots {sorted(sure)} at {cluster.loop.time()}"


async def healed(cluster: SimulatedCluster, within_s: float = 120) -> None:
    """Wait until every replica is ready and the statuses cover every class exactly once."""
    loop, deadline = cluster.loop, cluster.loop.time() + within_s
    while not all(_is_settled(cluster, each.replica) for each in cluster.replicas.values()):
        assert loop.time() < deadline, [each.replica.readiness() for each in cluster.replicas.values()]
        await asyncio.wait([loop.create_task(each.replica.changed()) for each in cluster.replicas.values()], timeout=1)


def _is_settled(cluster: SimulatedCluster, replica: Replica) -> bool:
    serving = sorted(class_id for status in replica.cluster() for class_id in status.serving)
    return replica.readiness().ready and serving == list(range(cluster.policy.classes))


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "20"))))
def test_nothing_is_lost_and_nothing_comes_back(seed: int) -> None:
    """P2, P4, P5, P6, P8: under all faults together every history is linearizable per value."""
    clients = run(lambda loop: plague(loop, seed, 90), seed=seed)
    report = check(clients.history, epsilon_s=0.01)
    if report.verdict is not Verdict.VALID:
        Path(f"history-{seed}.jsonl").write_text("\n".join(clients.history.lines()))
    assert report.verdict is Verdict.VALID, str(report)


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "20"))))
def test_rescaling_fails_no_request(seed: int) -> None:
    """P7: while replicas come, drain and are restarted one by one, every request is answered 200, exactly.

    To restore a class takes longer than a GET waits, so that a gap in the handover would show.
    """

    async def rescale(loop: SimulationLoop) -> Clients:
        slow_to_restore = replace(POLICY, query_timeout_s=0.25, transaction_values=5)
        cluster = SimulatedCluster(loop, slow_to_restore, seed)
        clients = Clients(cluster, seed)
        await _start(cluster, clients, "r0")
        await clients.post("loader", cluster.replicas["r0"], list(range(40, 1000)), None)
        while await clients.get("loader", cluster.replicas["r0"], 2) is None:
            clients.failures.clear()  # only what fails once the load is there counts
        async with asyncio.TaskGroup() as group:
            load = [group.create_task(clients.run(f"c{number}", 1e9, pause_s=0.05)) for number in range(4)]
            for name in ("r1", "r2", "r3"):
                await _start(cluster, clients, name)
            await asyncio.gather(leave(cluster, clients, "r1"), leave(cluster, clients, "r3"))
            await asyncio.gather(*(_start(cluster, clients, f"r{number}") for number in range(3, 9)))
            for name in list(cluster.replicas):
                await leave(cluster, clients, name)
                await _start(cluster, clients, name)
            await asyncio.gather(*(leave(cluster, clients, name) for name in list(cluster.replicas)[2:]))
            for task in load:
                task.cancel()
        return clients

    clients = run(rescale, seed=seed)
    assert clients.failures == []
    assert clients.answered > 500
    assert check(clients.history, epsilon_s=0.01).verdict is Verdict.VALID


async def _start(cluster: SimulatedCluster, clients: Clients, name: str) -> None:
    """Start a replica, and send it requests once it is ready."""
    clients.refuse.add(name)
    replica = cluster.start(name).replica
    while not replica.readiness().ready:
        await replica.changed()
    clients.refuse.discard(name)
