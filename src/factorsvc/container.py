"""Which adapter serves which port: the only place that names implementations.

It wires and nothing else: all providers are synchronous and nothing they make is open, started or running. Opening and
stopping belong to whoever runs what is made here (`factorsvc.entrypoints.process`).
"""

import secrets
import time
from random import SystemRandom
from typing import Final

from dependency_injector import containers, providers

from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.worker_pool import WorkerPool
from factorsvc.adapters.factorizers.worker_process import WorkerProcess
from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.access import Login as KafkaLogin
from factorsvc.adapters.kafka.assembly import kafka_bus
from factorsvc.adapters.kafka.group_rules import GroupTiming
from factorsvc.adapters.kafka.layout import Layout
from factorsvc.adapters.memory.bus import MemoryBus
from factorsvc.adapters.memory.clocks import SystemClock
from factorsvc.adapters.memory.cluster import MemoryCluster
from factorsvc.adapters.memory.link import DirectLink
from factorsvc.adapters.memory.memory_redis import MemoryRedis
from factorsvc.adapters.memory.slot_allocator import MemorySlotAllocator
from factorsvc.adapters.observability.measured import MeasuredSlots, measured, measured_bus
from factorsvc.adapters.observability.metrics import Metrics
from factorsvc.adapters.redis.checked_slots import CheckedSlots
from factorsvc.adapters.redis.confinement import Confinement, SharedUser, SlotUsers
from factorsvc.adapters.redis.connection import Login, Server
from factorsvc.adapters.redis.slot_allocator import RedisSlotAllocator
from factorsvc.adapters.redis.storage import RedisStorage
from factorsvc.application.policy import Policy
from factorsvc.application.replica import Replica
from factorsvc.application.workspace import Surroundings
from factorsvc.domain.cluster_clock import SampledClock
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.factorizer import Factorizer
from factorsvc.domain.ports.slot_allocator import SlotAllocator
from factorsvc.settings import Settings

_DIRTY_RATIO: Final = 0.5
"""The journal in memory is compacted as Kafka does by default, so that a process may run for long."""
_TOKEN_BYTES: Final = 16
_PAGE_MEMBERS: Final = 5_000
"""Section 7: larger sets are walked in steps, so that none holds the server up."""


def _redis_login(settings: Settings) -> Login:
    password = settings.redis_password
    return Login(settings.redis_username, None if password is None else password.get_secret_value())


def _kafka_access(settings: Settings) -> Access:
    login = None
    if settings.kafka_username is not None and settings.kafka_password is not None:
        login = KafkaLogin(
            settings.kafka_username, settings.kafka_password.get_secret_value(), settings.kafka_sasl_mechanism
        )
    return Access(bootstrap_servers=settings.kafka_bootstrap_servers, login=login, tls=settings.kafka_tls)


class Container(containers.DeclarativeContainer):
    """Everything that a process is made of, given its settings. Each `replica` is a new one; what is shared is one.

    Several replicas in one process share the servers in memory, the factoring workers, the metrics, and the estimate of
    cluster time, which comes from the same server's clock for all of them.
    """

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    metrics = providers.Singleton(Metrics)
    clock = providers.Singleton(SampledClock, time.monotonic)
    policy = providers.Singleton(
        Policy,
        classes=settings.provided.classes,
        max_batch=settings.provided.max_batch,
        max_bits=settings.provided.max_bits,
        query_timeout_s=settings.provided.query_timeout_s,
        append_timeout_s=settings.provided.append_timeout_s,
        factor_timeout_s=settings.provided.factor_timeout_s,
        drain_delay_s=settings.provided.drain_delay_s,
        drain_deadline_s=settings.provided.drain_deadline_s,
    )

    workers = providers.Singleton(
        WorkerPool,
        providers.Factory(engine_named, settings.provided.factorizer),
        workers=settings.provided.factor_workers,
        queue=settings.provided.factor_queue,
        hire=WorkerProcess,
    )
    factorizer: providers.Provider[Factorizer] = providers.Singleton(
        measured, workers, metrics.provided.observe_factoring
    )

    server_clock = providers.Singleton(SystemClock)
    memory_redis = providers.Singleton(MemoryRedis, server_clock.provided.now_ms)
    memory_cluster = providers.Singleton(
        MemoryCluster, settings.provided.classes, server_clock.provided.now_ms, dirty_ratio=_DIRTY_RATIO
    )

    redis_server = providers.Singleton(
        Server,
        host=settings.provided.redis_host,
        port=settings.provided.redis_port,
        tls=settings.provided.redis_tls,
    )
    redis_login = providers.Singleton(_redis_login, settings)
    redis_confinement: providers.Selector[Confinement] = providers.Selector(
        settings.provided.redis_acl,
        required=providers.Singleton(SlotUsers),
        off=providers.Singleton(SharedUser, redis_login),
    )
    redis_slots = providers.Factory(
        RedisSlotAllocator,
        redis_server,
        redis_login,
        token=providers.Factory(secrets.token_hex, _TOKEN_BYTES),
        clock=clock,
        random=providers.Factory(SystemRandom),
        storages=providers.Factory(
            RedisStorage, classes=settings.provided.classes, page_members=_PAGE_MEMBERS
        ).provider,
        new_secret=secrets.token_hex,
        confinement=redis_confinement,
        lease_ttl_s=settings.provided.lease_ttl_s,
    )
    memory_slots = providers.Factory(
        MemorySlotAllocator,
        memory_redis,
        providers.Factory(secrets.token_hex, _TOKEN_BYTES),
        DirectLink,
        clock,
        providers.Factory(SystemRandom),
        lease_ttl_s=settings.provided.lease_ttl_s,
        classes=settings.provided.classes,
        page_members=_PAGE_MEMBERS,
    )
    slots: providers.Selector[SlotAllocator] = providers.Selector(
        settings.provided.backend,
        cluster=providers.Factory(CheckedSlots, redis_slots, redis_server, redis_login, redis_confinement),
        memory=memory_slots,
    )
    kafka_access = providers.Singleton(_kafka_access, settings)
    kafka_layout = providers.Singleton(
        Layout,
        prefix=settings.provided.kafka_topic_prefix,
        classes=settings.provided.classes,
        replication_factor=settings.provided.kafka_replication_factor,
    )
    memory_bus = providers.Factory(
        MemoryBus,
        memory_cluster,
        DirectLink,
        classes=settings.provided.classes,
        random_bytes=secrets.token_bytes,
    )
    bus: providers.Selector[ClusterBus] = providers.Selector(
        settings.provided.backend,
        cluster=providers.Factory(
            kafka_bus, kafka_access, kafka_layout, providers.Factory(GroupTiming), secrets.token_bytes
        ),
        memory=memory_bus,
    )

    surroundings = providers.Factory(
        Surroundings,
        bus=providers.Factory(measured_bus, bus, metrics.provided.observe_call),
        clock=clock,
        factorizer=factorizer,
        policy=policy,
        new_id=secrets.token_bytes,
    )
    replica = providers.Factory(
        Replica,
        slots=providers.Factory(MeasuredSlots, slots, metrics.provided.observe_call),
        around=surroundings,
    )
