"""What monitoring reads: counts, times, and the states of replicas as they are when it asks."""

from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from factorsvc.adapters.observability.metrics import Metrics
from factorsvc.adapters.observability.watched import Watched
from factorsvc.domain.status import Readiness, Status
from tests.builders import a_status


class Replica(Watched):
    """Says what a test tells it."""

    def __init__(self, readiness: Readiness, *statuses: Status) -> None:
        self.state = readiness
        self.statuses = statuses

    def readiness(self) -> Readiness:
        return self.state

    def cluster(self) -> Sequence[Status]:
        return self.statuses

    async def changed(self) -> None:
        raise AssertionError("nobody waits for a change to show metrics")


READY = Readiness(True, "", 3, 7, 2)
STANDBY = Readiness(False, "all slots are taken", None, None, 0)


def shown(metrics: Metrics, prefix: str = "factorsvc_") -> dict[str, float]:
    """Each sample as monitoring reads it."""
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name.startswith(prefix)
    }


def test_a_new_process_has_counted_nothing_and_has_no_replica() -> None:
    assert shown(Metrics()) == {
        "factorsvc_factor_seconds_count": 0,
        "factorsvc_factor_seconds_sum": 0,
        "factorsvc_standby_replicas": 0,
    } | {f"factorsvc_factor_seconds_bucket le={le}": 0 for le in (*LIMITS, "+Inf")}


LIMITS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def test_requests_are_counted_by_outcome_and_timed() -> None:
    metrics = Metrics()
    metrics.observe_request("GET", "/values/{prime_factor}", "200", 0.2)
    metrics.observe_request("GET", "/values/{prime_factor}", "503", 5.0)

    samples = shown(metrics)
    assert samples["factorsvc_http_requests_total method=GET outcome=200 route=/values/{prime_factor}"] == 1
    assert samples["factorsvc_http_requests_total method=GET outcome=503 route=/values/{prime_factor}"] == 1
    assert samples["factorsvc_http_request_seconds_sum method=GET route=/values/{prime_factor}"] == pytest.approx(5.2)
    assert samples["factorsvc_http_request_seconds_bucket le=0.25 method=GET route=/values/{prime_factor}"] == 1


def test_calls_are_counted_by_outcome_and_timed() -> None:
    metrics = Metrics()
    metrics.observe_call("Journal", "append", "ok", 0.002)
    metrics.observe_factoring("Factorizer", "factor", "OverloadedError", 0.5)

    samples = shown(metrics)
    assert samples["factorsvc_port_calls_total call=append outcome=ok port=Journal"] == 1
    assert samples["factorsvc_port_seconds_count call=append port=Journal"] == 1
    assert samples["factorsvc_port_calls_total call=factor outcome=OverloadedError port=Factorizer"] == 1
    assert samples["factorsvc_factor_seconds_sum"] == 0.5
    assert "factorsvc_port_seconds_count call=factor port=Factorizer" not in samples


def test_states_are_those_of_the_moment() -> None:
    metrics = Metrics()
    mine = a_status(3, 7, serving={1: 4, 2: 9, 5: 0}, restoring=[8], retiring=[5], values=12, full=True)
    replica = Replica(READY, mine, a_status(4, 1))
    metrics.watch(replica)
    metrics.watch(Replica(STANDBY))

    assert shown(metrics, "factorsvc_replica") == {
        "factorsvc_replica_ready slot=3": 1,
        "factorsvc_replica_epoch slot=3": 7,
        "factorsvc_replica_heard slot=3": 2,
        "factorsvc_replica_classes life=restoring slot=3": 1,
        "factorsvc_replica_classes life=serving slot=3": 2,
        "factorsvc_replica_classes life=retiring slot=3": 1,
        "factorsvc_replica_values slot=3": 12,
        "factorsvc_replica_lag_records slot=3": 9,
        "factorsvc_replica_database_full slot=3": 1,
    }
    assert shown(metrics)["factorsvc_standby_replicas"] == 1

    replica.state, replica.statuses = READY._replace(ready=False), ()

    assert shown(metrics, "factorsvc_replica") == {
        "factorsvc_replica_ready slot=3": 0,
        "factorsvc_replica_epoch slot=3": 7,
        "factorsvc_replica_heard slot=3": 0,
    }


def test_the_process_is_shown_and_nothing_is_global() -> None:
    before = {family.name for family in REGISTRY.collect()}
    metrics = Metrics()
    metrics.watch(Replica(STANDBY))

    assert shown(metrics, "process_resident")
    assert {family.name for family in REGISTRY.collect()} == before
    assert shown(Metrics())["factorsvc_standby_replicas"] == 0


def test_no_series_only_says_when_another_began() -> None:
    metrics = Metrics()
    metrics.observe_request("GET", "/values", "200", 0.1)

    assert not [name for name in shown(metrics) if "_created" in name]
