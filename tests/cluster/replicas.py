"""N real `factorsvc serve` processes on one real broker and one real Redis, each to be stopped, killed or frozen."""

import secrets
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx

from tests.cli.command import PATIENCE_S, Command, running
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.redis_server import HOST, LOOK_AGAIN_S, PASSWORD, RedisServer

ANSWER_S = 20
"""How long a request may take on a machine that does much else: less than any client waits."""
LEAVING_S = 3
"""How long one that leaves goes on taking requests: ample for who looks for that without a pause."""
TOLD = 60
"""How many lines of a log are shown with a failure."""


class Replica:
    """A running process and its client, which threads may share."""

    def __init__(self, command: Command) -> None:
        """Wait until `command` listens."""
        self._command = command
        self.is_killed = False
        """Whether what is asked of it may remain without an answer."""
        port = command.event("listening")["port"]
        self.client = httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=2 * ANSWER_S)

    def until_ready(self) -> None:
        """Return when it may be sent requests."""
        self._command.event("ready")

    def drain(self) -> None:
        """Tell it to leave, and return when it says that it takes no requests for long, as load balancers learn it."""
        self._command.signal(signal.SIGTERM)
        until(lambda: self.client.get("/readyz").status_code == 503)

    def end(self) -> None:
        """Wait for the end of one that leaves, which must be in order."""
        assert self._command.exit_code() == 0

    def kill(self) -> None:
        """End it as a crash does."""
        self.is_killed = True
        self._command.signal(signal.SIGKILL)
        self._command.exit_code()

    def freeze(self) -> None:
        """Let it do nothing until `wake`."""
        self._command.signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let a frozen one go on where it was."""
        self._command.signal(signal.SIGCONT)

    def knows(self, replicas: int, classes: int) -> bool:
        """Tell whether it sees so many replicas that share all classes, none of which is on its way to anywhere."""
        known = self.client.get("/cluster").json()["replicas"]
        served = [one["serving"] for one in known]
        shared = sorted(class_id for some in served for class_id in some)
        at_rest = not any(one["restoring"] or one["retiring"] for one in known)
        sizes = {len(some) for some in served}
        return len(known) == replicas and at_rest and shared == [*range(classes)] and max(sizes) - min(sizes) <= 1

    @property
    def story(self) -> str:
        """The end of its log, without what it says of each request."""
        return "\n".join([line for line in self._command.said.splitlines() if '"event": "request"' not in line][-TOLD:])


class Replicas:
    """All processes on the same servers, in the order of their start."""

    CLASSES = 61

    def __init__(self, settings: Mapping[str, object], processes: ExitStack) -> None:
        self._settings = settings
        self._processes = processes
        self._started: list[Replica] = []

    def start(self, count: int) -> list[Replica]:
        """Start so many at once, and return them when all are ready."""
        commands = [self._processes.enter_context(running("serve", settings=self._settings)) for _ in range(count)]
        replicas = [Replica(command) for command in commands]
        for replica in replicas:
            self._processes.callback(replica.client.close)
            self._started.append(replica)
        for replica in replicas:
            replica.until_ready()
        return replicas

    def settle(self, replicas: Collection[Replica]) -> None:
        """Return when all of `replicas` know each other, nobody else, and who of them has which class."""
        until(lambda: all(replica.knows(len(replicas), self.CLASSES) for replica in replicas))

    @property
    def story(self) -> str:
        """What all have said."""
        return "\n".join(f"--- replica {number}\n{one.story}" for number, one in enumerate(self._started))


@contextmanager
def replicas_at(broker: KafkaBroker, redis: RedisServer, **settings: object) -> Iterator[Replicas]:
    """Let processes be started at `broker`, in topics of their own, and at `redis`; all end with the block.

    A failure in the block carries their logs.
    """
    servers = {
        "kafka_bootstrap_servers": broker.bootstrap,
        "kafka_topic_prefix": f"replicas-{secrets.token_hex(6)}",
        "redis_host": HOST,
        "redis_port": redis.port,
        "redis_password": PASSWORD,
    }
    patience = {"query_timeout_s": ANSWER_S, "append_timeout_s": ANSWER_S, "drain_delay_s": LEAVING_S}
    common = {"http_port": 0, "log_format": "json", "factor_workers": 1, "classes": Replicas.CLASSES}
    with ExitStack() as processes:
        replicas = Replicas({**common, **patience, **servers, **settings}, processes)
        try:
            yield replicas
        except BaseException as failure:
            failure.add_note(replicas.story)
            raise


def until(holds: Callable[[], bool]) -> None:
    """Return when something holds that must come to hold."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(LOOK_AGAIN_S)
