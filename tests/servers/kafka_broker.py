"""A real broker for tests, with a folder and ports of its own, ended by its process id.

A `KAFKA_BOOTSTRAP` from outside names one to use instead, which the tests share with whoever else does and do not stop.
"""

import base64
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.servers.kafka_program import NoBrokerError, java

HOST = "127.0.0.1"
USER = "replica"
PASSWORD = "of-the-tests"  # noqa: S105 - of brokers that live as long as a test run
PATIENCE_S = 50.0
"""How long a broker may take to start: its end is a failure, never a measurement."""
LOOK_AGAIN_S = 0.02
ANSWER_S = 1.0
ASKS_FOR_BROKERS = struct.pack(">ihhihi", 14, 3, 1, 0, -1, 0)
"""The request Metadata, version 1, of no topics: the number of brokers is the first that its answer says."""
TAKEN = "Address already in use"
FROM_OUTSIDE = "KAFKA_BOOTSTRAP"
CONFIGURATION = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},SASL://{host}:{login_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},SASL://{host}:{login_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller_port}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
num.network.threads=2
num.io.threads=2

# the first member of a group does not wait for a second, and who is not heard of for a second may be put out
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# or a broker that was killed keeps its next life out for twelve seconds (1000 is too short for a busy machine)
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# topics with short times are compacted, and forgotten, while a test watches
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=16777216
log.retention.check.interval.ms=200
log.segment.delete.delay.ms=1000
"""


class KafkaBroker:
    """One broker. Its methods block, until what they say is so."""

    def __init__(self, directory: Path) -> None:
        """Prepare one with its data in `directory`, which is its alone; `start` starts it."""
        self.port = 0
        """Free at the first start, and the same from then on."""
        self.login_port = 0
        """Where only `USER` is let in, by its `PASSWORD`; as free."""
        self._directory = directory
        self._data = directory / "data"
        self._configuration = directory / "server.properties"
        self._log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """What a client is told to reach it."""
        return f"{HOST}:{self.port}"

    @property
    def is_up(self) -> bool:
        """Tell whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it with the data it has, and return when it serves.

        Raises:
            NoBrokerError: there is none on this machine, and none can be had.
        """
        is_first = not self.port
        while not self._tries_to_start():
            assert is_first, f"port {self.port} was taken meanwhile"
            self.port = 0

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """End it and start it anew with all its data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """End it, and all that it has stored."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _tries_to_start(self) -> bool:
        """Start; False if a port is not free."""
        assert not self.is_up
        if not self.port:
            self._format()
        with self._log.open("wb") as output:
            command = [*java("kafka.Kafka"), str(self._configuration)]
            self._process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        until = time.monotonic() + PATIENCE_S
        while not _serves(self.port) or not self.is_up:  # what serves there may be somebody else's
            if not self.is_up or time.monotonic() > until:
                self.kill()
                said = self._log.read_text("utf-8")
                assert TAKEN in said, f"Kafka did not start:\n{said}"
                return False
            time.sleep(LOOK_AGAIN_S)
        return True

    def _format(self) -> None:
        """Make it a new one, with ports that are free."""
        shutil.rmtree(self._data, ignore_errors=True)
        self.port, self.login_port, controller_port = _free_ports(3)
        self._configuration.write_text(
            CONFIGURATION.format(
                host=HOST,
                port=self.port,
                login_port=self.login_port,
                controller_port=controller_port,
                data=self._data,
                modules="org.apache.kafka.common.security",
                user=USER,
                password=PASSWORD,
            ),
            "utf-8",
        )
        name = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        what = ["--standalone", f"--cluster-id={name}", "--add-scram", user, "--config", str(self._configuration)]
        command = [*java("kafka.tools.StorageTool"), "format", *what]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        assert done.returncode == 0, f"Kafka was not formatted:\n{done.stdout}{done.stderr}"

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(PATIENCE_S)
            self._process = None


class ForeignBroker(KafkaBroker):
    """One that somebody else runs: it can be used, and nothing more."""

    def __init__(self, bootstrap: str) -> None:
        """Use the broker at `bootstrap`."""
        self._host, _, port = bootstrap.rpartition(":")
        self.port = int(port)
        self.login_port = 0

    @property
    def bootstrap(self) -> str:
        return f"{self._host}:{self.port}"

    @property
    def is_up(self) -> bool:
        return True

    def start(self) -> None:
        raise NoBrokerError(f"this test stops and starts its broker, which is not for it to do with {FROM_OUTSIDE}")

    stop = kill = restart = start

    def remove(self) -> None:
        """Leave it."""


def running_broker(directory: Path) -> KafkaBroker:
    """Return a broker to test against: the one from outside, or a new one in `directory`.

    Raises:
        NoBrokerError: there is none on this machine, and none can be had.
    """
    if bootstrap := os.environ.get(FROM_OUTSIDE):
        return ForeignBroker(bootstrap)
    broker = KafkaBroker(directory)
    broker.start()
    return broker


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def _serves(port: int) -> bool:
    """Tell whether a broker knows its cluster: its port is open some time before."""
    with socket.socket() as probe, suppress(OSError):
        probe.settimeout(ANSWER_S)
        probe.connect((HOST, port))
        probe.sendall(ASKS_FOR_BROKERS)
        size, _, brokers = struct.unpack(">iii", probe.recv(12, socket.MSG_WAITALL))
        return bool(size and brokers)
    return False
