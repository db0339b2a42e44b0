"""A cluster in one process, for whoever sees it the first time: requests dealt in turn, and a word on who is who."""

from collections.abc import Callable, Iterator, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from factorsvc.adapters.observability.json_logs import bind
from factorsvc.adapters.observability.watched import Watched, own_status
from factorsvc.domain.slot import SLOTS


class Turns:
    """Deals requests to replicas in turn, as a load balancer would: past those that are not ready, if others are."""

    def __init__(self, replicas: Sequence[Watched], apps: Sequence[ASGIApp]) -> None:
        """Deal to `apps`, each of which serves the replica at its place in `replicas`."""
        self._replicas = replicas
        self._apps = apps
        self._turn = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the replica whose turn it is."""
        place = self._next()
        bind(replica=place + 1)
        await self._apps[place](scope, receive, send)

    def _next(self) -> int:
        count = len(self._replicas)
        order = [(self._turn + step) % count for step in range(count)]
        place = next((place for place in order if self._replicas[place].readiness().ready), order[0])
        self._turn = (place + 1) % count
        return place


async def introduce(replicas: Sequence[Watched], port: int, say: Callable[[str], None]) -> None:
    """Say once, as soon as the classes have found their places, who holds what, and what to try."""
    while not is_settled(replicas):
        await replicas[0].changed()  # every second at the latest, for all statuses come to all
    for line in introduction(replicas, port):
        say(line)


def is_settled(replicas: Sequence[Watched]) -> bool:
    """Tell whether all slots are held that will be, and no class is on its way to anywhere."""
    statuses = [own_status(replica) for replica in replicas if replica.readiness().ready]
    served = [len(status.serving) for status in statuses if status and not status.restoring and not status.retiring]
    return len(served) == min(len(replicas), SLOTS) and max(served) - min(served) <= 1


def introduction(replicas: Sequence[Watched], port: int) -> Iterator[str]:
    """The lines that show a settled cluster."""
    for number, replica in enumerate(replicas, start=1):
        status = own_status(replica)
        if status is None:
            yield f"replica {number}: stands by until a slot is free"
        else:
            classes = " ".join(map(str, sorted(status.serving)))
            yield f"replica {number}: slot {status.slot}, {len(status.serving)} classes: {classes}"
    yield "Ready. Try this; Ctrl-C ends it:"
    yield f"curl -s 'localhost:{port}/values?ttl=300' -H 'content-type: application/json' -d '[144,120]'"
    yield f"curl -s localhost:{port}/values/5"
