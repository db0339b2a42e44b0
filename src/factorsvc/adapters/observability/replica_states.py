"""The states of this process's replicas as gauges, taken when monitoring asks and kept nowhere."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from factorsvc.adapters.observability.watched import Watched, own_status
from factorsvc.domain.status import Readiness, Status


class ReplicaStates(Collector):
    """Gauges by slot, as a slot is what a replica is known by; those without one are counted."""

    def __init__(self) -> None:
        """Begin with no replica."""
        self._replicas: list[Watched] = []

    def watch(self, replica: Watched) -> None:
        """Show the state of `replica` too."""
        self._replicas.append(replica)

    def collect(self) -> Iterable[Metric]:
        """The gauges now."""
        ready = _gauge("ready", "1 if the replica takes requests, else 0.")
        epoch = _gauge("epoch", "The epoch of its claim.")
        classes = _gauge("classes", "Classes by where they stand in their life.", "life")
        values = _gauge("values", "Values in its view, with those that have expired and are not swept yet.")
        lag = _gauge("lag_records", "The most that one of its classes is behind the journal.")
        full = _gauge("database_full", "1 if its database takes no more writes, else 0.")
        heard = _gauge("heard", "Replicas that it has heard of, itself included.")
        standbys = GaugeMetricFamily("factorsvc_standby_replicas", "Replicas of this process that hold no slot.")
        standing_by = 0
        for replica in self._replicas:
            readiness = replica.readiness()
            if readiness.slot is None:
                standing_by += 1
                continue
            slot = str(readiness.slot)
            _show_claim(readiness, slot, ready, epoch)
            heard.add_metric([slot], len(replica.cluster()))
            status = own_status(replica)
            if status is not None:
                for life, count in _lives(status):
                    classes.add_metric([slot, life], count)
                values.add_metric([slot], status.values)
                lag.add_metric([slot], max(status.serving.values(), default=0))
                full.add_metric([slot], status.full)
        standbys.add_metric([], standing_by)
        return (ready, epoch, classes, values, lag, full, heard, standbys)


def _gauge(name: str, means: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"factorsvc_replica_{name}", means, labels=["slot", *labels])


def _show_claim(readiness: Readiness, slot: str, ready: GaugeMetricFamily, epoch: GaugeMetricFamily) -> None:
    ready.add_metric([slot], readiness.ready)
    epoch.add_metric([slot], readiness.epoch or 0)


def _lives(status: Status) -> Iterator[tuple[str, int]]:
    yield "restoring", len(status.restoring)
    yield "serving", len(status.serving) - len(status.retiring)
    yield "retiring", len(status.retiring)
