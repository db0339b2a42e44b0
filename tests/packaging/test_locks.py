"""The locks are complete, name no registry, and can be installed without a compiler wherever we say that we run."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.checkout import DEV_LOCK, LOCK, PROJECT, SERVERS_LOCK, supported_pythons, uv

LOCKS = [LOCK, DEV_LOCK, SERVERS_LOCK]
PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"]


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^ ;]+)", lock.read_text("utf-8"), re.MULTILINE))


def _declared() -> list[tuple[Path, str]]:
    """What the project declares, and where it is locked."""
    declared = [(DEV_LOCK, line) for line in PROJECT["project"]["dependencies"]]
    for name, group in PROJECT["dependency-groups"].items():
        lock = SERVERS_LOCK if name == "servers" else DEV_LOCK
        declared += [(lock, line) for line in group if isinstance(line, str)]
    return declared


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_names_no_registry(lock: Path) -> None:
    """Whoever installs chooses the registry: an address in the lock would choose for them."""
    text = lock.read_text("utf-8")

    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_pins_everything_with_a_hash(lock: Path) -> None:
    """Each requirement of a lock is one exact version and at least one hash."""
    requirements = re.split(r"^(?=[\w])", lock.read_text("utf-8"), flags=re.MULTILINE)[1:]

    assert requirements
    assert [one for one in requirements if not re.match(r"[\w.-]+==\S+ [^#]*--hash=sha256:", one)] == []


@pytest.mark.parametrize(("lock", "declared"), _declared())
def test_lock_satisfies_what_the_project_declares(lock: Path, declared: str) -> None:
    """`make lock` ran after the last change of a dependency."""
    requirement = Requirement(declared)

    assert requirement.specifier.contains(_pins(lock)[canonicalize_name(requirement.name)])


def test_image_gets_the_versions_that_were_tested() -> None:
    """The runtime lock is a part of the development lock, version by version."""
    assert _pins(LOCK).items() <= _pins(DEV_LOCK).items()


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", supported_pythons())
def test_wheels_exist_for_every_platform(python: str, platform: str, tmp_path: Path) -> None:
    """Each pinned version has a wheel for each Python and platform that we support; nothing is downloaded to see it."""
    where = ("--python-version", python, "--python-platform", platform, "--target", tmp_path)
    uv("pip", "install", "--quiet", "--dry-run", *where, "--only-binary", ":all:", "--require-hashes", "-r", DEV_LOCK)
