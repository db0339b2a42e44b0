"""The container: whole, lazy, and nothing but wiring."""

import asyncio
import os
from typing import Literal

import pytest
from dependency_injector import errors, providers

from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.inline import InlineFactorizer
from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.access import Login as KafkaLogin
from factorsvc.adapters.kafka.bus import KafkaBus
from factorsvc.adapters.redis.checked_slots import CheckedSlots
from factorsvc.adapters.redis.confinement import Confinement, SharedUser, SlotUsers
from factorsvc.adapters.redis.connection import Login, Server
from factorsvc.container import Container
from factorsvc.settings import PREFIX, load_settings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


def a_container(**settings: object) -> Container:
    return Container(settings=load_settings(**{"backend": "memory", **settings}))


def test_a_container_with_settings_is_whole() -> None:
    a_container().check_dependencies()


def test_a_container_without_settings_is_not() -> None:
    with pytest.raises(errors.Error, match=r"Container\.settings"):
        Container().check_dependencies()


def test_settings_are_nothing_else() -> None:
    container = Container(settings={"backend": "memory"})
    with pytest.raises(errors.Error, match="is not an instance of"):
        container.policy()


def test_everything_is_synchronous() -> None:
    """One awaitable provider would make all above it awaitable; and opening is not wiring."""
    kinds = {type(provider) for provider in Container.providers.values()}
    assert kinds <= {providers.Dependency, providers.Singleton, providers.Factory, providers.Selector}


def test_replicas_of_one_process_share_its_servers_and_nothing_of_their_own() -> None:
    container = a_container()
    one, other = container.surroundings(), container.surroundings()

    assert container.replica() is not container.replica()
    assert one.bus is not other.bus
    assert (one.clock, one.factorizer, one.policy) == (other.clock, other.factorizer, other.policy)
    assert container.memory_redis() is container.memory_redis()
    assert a_container().memory_redis() is not container.memory_redis()


def test_settings_become_the_policy() -> None:
    settings: dict[str, object] = {
        "classes": 7,
        "max_batch": 8,
        "max_bits": 9,
        "query_timeout_s": 1.5,
        "append_timeout_s": 2.5,
        "factor_timeout_s": 3.5,
        "drain_delay_s": 4.5,
        "drain_deadline_s": 5.5,
    }
    policy = a_container(**settings).policy()
    assert {name: getattr(policy, name) for name in settings} == settings


def test_a_cluster_has_its_slots_in_redis() -> None:
    given = {"redis_host": "there", "redis_port": 7, "redis_username": "who", "redis_password": "s3cret"}
    container = a_container(backend="cluster", redis_tls=True, **given)
    assert isinstance(container.slots(), CheckedSlots)
    slots = container.redis_slots()
    assert slots._server == Server("there", 7, tls=True)
    assert slots._login == Login("who", "s3cret")
    assert "s3cret" not in repr(vars(slots))


@pytest.mark.parametrize(("acl", "confinement"), [("required", SlotUsers), ("off", SharedUser)])
def test_what_confines_a_replica_is_chosen(acl: Literal["required", "off"], confinement: type[Confinement]) -> None:
    """P1: by the server, unless that is given up on purpose; looked at and claimed is with the same."""
    container = a_container(backend="cluster", redis_acl=acl)
    checked = container.slots()
    assert isinstance(checked, CheckedSlots)
    assert isinstance(checked._confinement, confinement)
    assert container.redis_slots()._confinement is checked._confinement


def test_a_cluster_has_its_bus_on_kafka() -> None:
    given = {"kafka_bootstrap_servers": "there:7", "kafka_username": "who", "kafka_password": "s3cret"}
    container = a_container(backend="cluster", kafka_topic_prefix="ours", kafka_tls=True, classes=7, **given)
    assert isinstance(container.bus(), KafkaBus)
    assert container.kafka_access() == Access(
        bootstrap_servers="there:7", login=KafkaLogin("who", "s3cret", "SCRAM-SHA-512"), tls=True
    )
    assert (container.kafka_layout().prefix, container.kafka_layout().classes) == ("ours", 7)
    assert "s3cret" not in repr(container.kafka_access())


def test_a_kafka_without_a_login_is_asked_without_one() -> None:
    assert a_container(backend="cluster").kafka_access().login is None


def test_a_redis_without_a_password_is_asked_without_one() -> None:
    assert a_container(backend="cluster").redis_login() == Login("default", None)


@pytest.mark.parametrize("name", ["flint", "sympy"])
def test_the_factorizer_is_the_one_that_was_chosen(name: Literal["flint", "sympy"]) -> None:
    workers = a_container(factorizer=name, factor_workers=3).workers()
    assert workers._engine == engine_named(name)
    assert len(workers._workers) == 3


async def test_what_is_overridden_is_used_by_all_that_rests_on_it() -> None:
    """P5 in small: two replicas on an overridden factorizer, and what one stored the other finds."""
    container = a_container(drain_delay_s=0, classes=3)
    container.factorizer.override(providers.Singleton(InlineFactorizer, engine_named("sympy")))
    replicas = [container.replica() for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for replica in replicas:
            group.create_task(replica.run())
        for replica in replicas:
            while not replica.readiness().ready:
                await replica.changed()
        stored = await replicas[0].store([120], None)
        found = await replicas[1].find(5)
        for replica in replicas:
            group.create_task(replica.drain(_at_once))

    assert list(found.pages) == [stored[0].member]
    assert isinstance(container.surroundings().factorizer, InlineFactorizer)


async def _at_once() -> None:
    """Nobody sends requests."""
