"""All metrics of one process, in a registry of its own."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest

from factorsvc.adapters.observability.replica_states import ReplicaStates
from factorsvc.adapters.observability.watched import Watched

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From a small GET through one replica to the deadline of factoring."""


class Metrics:
    """Counts and times what it is told of, and shows that with the states of the replicas that it watches.

    Every label has few values, whatever clients send, as each combination of them is kept for as long as we run.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        without_creation_times: Callable[[], None] = disable_created_metrics  # has no types
        without_creation_times()  # else half of the series only say when the other half began
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._states = ReplicaStates()
        self._registry.register(self._states)
        self._requests = Counter(
            "factorsvc_http_requests",
            "Requests that have ended. The outcome is the status, or how the answer did not come to its end.",
            ["method", "route", "outcome"],
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "factorsvc_http_request_seconds",
            "From a request's headers to the end of its answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._calls = Counter(
            "factorsvc_port_calls",
            "Calls through ports that have ended. The outcome is ok, cancelled, or the name of an error.",
            ["port", "call", "outcome"],
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "factorsvc_port_seconds",
            "Time of calls through ports; that of take and changed is mostly waiting for news.",
            ["port", "call"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._factor_seconds = Histogram(
            "factorsvc_factor_seconds",
            "Time to factor all numbers of one request, waiting for a worker included.",
            buckets=_SECONDS,
            registry=self._registry,
        )

    def watch(self, replica: Watched) -> None:
        """Show the state of `replica` too."""
        self._states.watch(replica)

    def observe_request(self, method: str, route: str, outcome: str, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, outcome).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def observe_call(self, port: str, call: str, outcome: str, seconds: float) -> None:
        """Count a call through a port."""
        self._calls.labels(port, call, outcome).inc()
        self._call_seconds.labels(port, call).observe(seconds)

    def observe_factoring(self, port: str, call: str, outcome: str, seconds: float) -> None:
        """Count a call of a factorizer, whose time has a name of its own."""
        self._calls.labels(port, call, outcome).inc()
        self._factor_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
