"""The whole cluster under everything that can happen to it: P2 to P8, over many seeds.

With SEEDS=3000 in the environment they look further than `make test`, with SEEDS=7..8 at one seed. A failing history is
kept, and `python -m tests.checker FILE` judges it again.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from factorsvc.application.policy import Policy
from factorsvc.domain.slot import SLOTS
from tests.checker.checker import Verdict, check
from tests.checker.history import History
from tests.simulation.clients import PRIMES, Clients
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.loop import SimulationLoop
from tests.simulation.nemesis import Nemesis, leave
from tests.simulation.run import run
from tests.simulation.watch import at_rest, settled, watch_slots

POLICY = Policy(classes=7, bury_after_s=5, verify_interval_s=5, drain_delay_s=1, drain_deadline_s=10)
"""Small and quick, so that every rule of the journal gets its chance within a virtual minute."""
FEW = 10
CLOCKS_S = 0.6
"""How far two cluster times can be apart: in a storm a sample takes 0.6 s, and each is right to half of that."""


def seeds(otherwise: int) -> range:
    """The seeds to try: as many as the environment says, or one if it says `7..8`."""
    first, _, last = os.environ.get("SEEDS", str(otherwise)).rpartition("..")
    return range(int(first or 0), int(last))


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
        await settled(cluster)
        for name in list(cluster.replicas):
            for prime in PRIMES:
                assert await clients.get("reader", cluster.replicas[name], prime) is not None, clients.failures[-1]
        await at_rest(cluster)
        watch.cancel()
    return clients


def judge(history: History, seed: int) -> None:
    """Fail, and keep the history, unless it is linearizable per value."""
    report = check(history, epsilon_s=CLOCKS_S)
    if report.verdict is not Verdict.VALID:
        Path(f"history-{seed}.jsonl").write_text("\n".join(history.lines()))
    assert report.verdict is Verdict.VALID, str(report)


@pytest.mark.parametrize("seed", seeds(200))
def test_nothing_is_lost_and_nothing_comes_back(seed: int) -> None:
    """P2 to P6, P8: under all faults together every history is linearizable, and every view ends as the journal is."""
    clients = run(lambda loop: plague(loop, seed, 60), seed=seed)
    assert clients.answered > FEW
    judge(clients.history, seed)


@pytest.mark.parametrize("seed", seeds(6))
def test_rescaling_fails_no_request(seed: int) -> None:
    """P7: while replicas come, drain and are restarted one by one, every request is answered 200, exactly.

    To restore a class takes longer than a GET waits, and no delay hides it, so that a gap in the handover would show.
    """
    policy = replace(POLICY, query_timeout_s=0.5, transaction_values=2, drain_delay_s=0, handover_grace_s=0.3)

    async def rescale(loop: SimulationLoop) -> Clients:
        cluster = SimulatedCluster(loop, policy, seed)
        clients = Clients(cluster, seed)
        await start(cluster, clients, "r0")
        await clients.post("loader", cluster.replicas["r0"], list(range(40, 1000)), None)
        while await clients.get("loader", cluster.replicas["r0"], 2) is None:
            clients.failures.clear()  # only what fails once the load is there counts
        async with asyncio.TaskGroup() as group:
            load = [group.create_task(clients.run(f"c{number}", 1e9, pause_s=0.05)) for number in range(4)]
            for name in ("r1", "r2", "r3"):
                await start(cluster, clients, name)
            await asyncio.gather(leave(cluster, clients, "r1"), leave(cluster, clients, "r3"))
            await asyncio.gather(*(start(cluster, clients, f"r{number}") for number in range(3, 9)))
            for name in list(cluster.replicas):
                await leave(cluster, clients, name)
                await start(cluster, clients, name)
            await asyncio.gather(*(leave(cluster, clients, name) for name in list(cluster.replicas)[2:]))
            for task in load:
                task.cancel()
        return clients

    clients = run(rescale, seed=seed)
    assert clients.failures == []
    assert clients.answered > 50 * FEW
    judge(clients.history, seed)


@pytest.mark.parametrize("seed", seeds(3))
def test_a_seventeenth_replica_stands_by_and_takes_over(seed: int) -> None:
    """P7: with all slots taken a replica waits, live and not ready; a slot that frees is its own within seconds."""

    async def seventeen(loop: SimulationLoop) -> None:
        cluster = SimulatedCluster(loop, POLICY, seed)
        for number in range(SLOTS):
            cluster.start(f"r{number}")
        await settled(cluster)
        standby = cluster.start("standby").replica
        await asyncio.sleep(30)
        assert standby.readiness().reason == "standing by: all slots are taken"
        cluster.kill("r5")
        killed = loop.time()
        await settled(cluster)
        assert standby.readiness().ready
        assert loop.time() - killed < 5

    run(seventeen, seed=seed)


@pytest.mark.parametrize("seed", seeds(3))
def test_a_killed_replica_is_healed_in_seconds(seed: int) -> None:
    """P7: its classes are served elsewhere after a session; and one that is restarted at once takes them back."""

    async def heal(loop: SimulationLoop) -> None:
        cluster = SimulatedCluster(loop, POLICY, seed)
        for number in range(4):
            cluster.start(f"r{number}")
        await asyncio.sleep(2 * cluster.lease_ttl_s)  # just after Redis's own start no lease is taken for a dead one
        await settled(cluster)
        held = {status.slot: set(status.serving) for status in cluster.replicas["r0"].replica.cluster()}
        slot = cluster.replicas["r1"].replica.readiness().slot
        cluster.kill("r1")
        again = cluster.start("r1").replica
        await settled(cluster)
        assert again.readiness().slot == slot
        assert {status.slot: set(status.serving) for status in again.cluster()} == held
        cluster.kill("r2")
        killed = loop.time()
        await settled(cluster)
        assert loop.time() - killed < 5

    run(heal, seed=seed)


def test_an_hour_passes_in_seconds() -> None:
    """Leases, sessions, statuses and verifications go on for a virtual hour, and what was stored is there."""

    async def hour(loop: SimulationLoop) -> None:
        cluster = SimulatedCluster(loop, POLICY, 0)
        clients = Clients(cluster, 0)
        for number in range(2):
            cluster.start(f"r{number}")
        await settled(cluster)
        await clients.post("c", cluster.replicas["r0"], [120], None)
        await clients.post("c", cluster.replicas["r1"], [144], 1800)
        await asyncio.sleep(3600)
        assert [value for value, _ in await clients.get("c", cluster.replicas["r1"], 2) or []] == [120]
        judge(clients.history, 0)

    run(hour, seed=0)


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_replays_exactly(seed: int) -> None:
    """Two runs of one seed are the same to the letter, so what fails once can be looked at."""
    first, again = (run(lambda loop: plague(loop, seed, 20), seed=seed).history for _ in range(2))
    assert list(first.lines()) == list(again.lines())


async def start(cluster: SimulatedCluster, clients: Clients, name: str) -> None:
    """Start a replica, and send it requests once it is ready."""
    clients.refuse.add(name)
    replica = cluster.start(name).replica
    while not replica.readiness().ready:
        await replica.changed()
    clients.refuse.discard(name)
