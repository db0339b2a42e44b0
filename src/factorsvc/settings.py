"""Every setting: one environment variable each, with its unit, default and bounds, validated before anything starts.

Numbers are plain: the unit is in the variable's name, so "10s", "1_000" and "8080.0" are refused rather than guessed
at. A variable that looks like one of ours and is none is an error too, since a typo must not pass in silence.
Messages name variables and never repeat a value, so that no secret gets into a log.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "FACTORSVC_"
_HOST_PORT: Final = r"([^\s,:\[\]]+|\[[0-9a-fA-F:]+\]):\d+"


class SettingsError(Exception):
    """The environment does not say how to run. `lines` has one line for each variable at fault, which it names."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def _written(pattern: str, kind: str) -> Callable[[object], object]:
    """Let text pass that is written as `pattern` only; what is no text is left to the type."""

    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"must be {kind} in plain digits, without a unit")
        return value

    return check


Whole = Annotated[int, BeforeValidator(_written(r"-?\d+", "a whole number"))]
Seconds = Annotated[float, BeforeValidator(_written(r"-?\d+(\.\d+)?", "a number of seconds"))]


class Settings(BaseSettings):
    """How one replica runs. Made by `load_settings`; unchangeable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    backend: Literal["cluster", "memory"] = Field(
        "cluster", description="What holds the data: `cluster` is Redis and Kafka, `memory` is this process alone."
    )
    http_host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    http_port: Whole = Field(8080, ge=0, le=65_535, description="Port to listen on; 0 takes any that is free.")
    redis_host: str = Field("localhost", min_length=1, description="Where the one Redis is.")
    redis_port: Whole = Field(6379, ge=1, le=65_535, description="Its port.")
    redis_username: str = Field(
        "default", min_length=1, description="Whom all replicas log in as to claim a slot. May administrate users."
    )
    redis_password: SecretStr | None = Field(None, min_length=1, description="The password of that user.")
    redis_tls: bool = Field(False, description="Whether Redis is spoken to through TLS.")
    redis_acl: Literal["required", "off"] = Field(
        "required",
        description="What confines a replica to its database: `required` is the server, by a user for each slot; `off` "
        "is convention alone, for servers that do not permit to administrate users (ADR 6).",
    )
    kafka_bootstrap_servers: str = Field(
        "localhost:9092",
        pattern=rf"^{_HOST_PORT}(,{_HOST_PORT})*$",
        description="Kafka brokers that tell of all others, each as `host:port`, with commas between.",
    )
    kafka_topic_prefix: str = Field(
        "factorsvc",
        pattern=r"^[A-Za-z0-9._-]+$",
        max_length=200,
        description="What the names of topics and of the consumer group begin with. All replicas have the same.",
    )
    kafka_replication_factor: Whole | None = Field(
        None,
        ge=1,
        le=1_000,
        description="Copies of each topic that is made; a majority of them has a POST before it is answered. "
        "Without it the brokers' own defaults hold.",
    )
    kafka_username: str | None = Field(None, min_length=1, description="Whom to log in to Kafka as, if anybody.")
    kafka_password: SecretStr | None = Field(None, min_length=1, description="The password of that user.")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How that user shows the password."
    )
    kafka_tls: bool = Field(False, description="Whether Kafka is spoken to through TLS.")
    lease_ttl_s: Seconds = Field(
        10, ge=1, le=300, description="After how long without renewal a replica has lost its slot."
    )
    classes: Whole = Field(
        61,
        ge=1,
        le=1_000,
        description="Residue classes of values, also the journal's partitions. Choose a prime, so that arithmetic "
        "progressions spread evenly. Fixed for the life of a journal.",
    )
    factorizer: Literal["flint", "sympy"] = Field("flint", description="The library that factors.")
    query_timeout_s: Seconds = Field(5, ge=0.1, le=300, description="How long a GET may take before it is a 503.")
    append_timeout_s: Seconds = Field(
        5, ge=0.1, le=300, description="How long the journal may take to acknowledge a POST."
    )
    factor_timeout_s: Seconds = Field(10, ge=0.1, le=300, description="How long a request's numbers may be factored.")
    drain_delay_s: Seconds = Field(
        5,
        ge=0,
        le=600,
        description="How long a replica that leaves goes on taking requests: two health checks of the load balancer.",
    )
    drain_deadline_s: Seconds = Field(
        25, ge=0, le=3_600, description="When a replica that leaves ends at the latest, whoever has its classes."
    )
    max_batch: Whole = Field(10_000, ge=1, le=1_000_000, description="Numbers in one POST.")
    max_body_bytes: Whole = Field(1_048_576, ge=2, le=67_108_864, description="Bytes of a body.")
    max_bits: Whole = Field(256, ge=2, le=1_024, description="Bits of a number.")
    max_concurrent: Whole = Field(1_000, ge=1, le=100_000, description="Requests for values under way at once.")
    factor_workers: Whole = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 256),
        ge=1,
        le=256,
        description="Processes that factor hard numbers; by default one for each core.",
    )
    factor_queue: Whole = Field(64, ge=0, le=100_000, description="Requests that may wait for such a process.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is `console` on a terminal, else `json`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged at least.")

    @model_validator(mode="after")
    def _whole_kafka_login(self) -> "Settings":
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError(f"{PREFIX}KAFKA_USERNAME: must come with {PREFIX}KAFKA_PASSWORD, or neither of them")
        return self

    @model_validator(mode="after")
    def _drain_in_order(self) -> "Settings":
        if self.drain_delay_s > self.drain_deadline_s:
            raise ValueError(
                f"{PREFIX}DRAIN_DELAY_S: must not be longer than {PREFIX}DRAIN_DEADLINE_S, which bounds the whole drain"
            )
        return self


def load_settings(**given: Any) -> Settings:
    """Return the settings that the environment says; `given`, from a command line, goes before it.

    Raises:
        SettingsError: some variable is wrong, or there is no such variable.
    """
    lines = _unknown(os.environ)
    try:
        settings = Settings(**given)
    except ValidationError as invalid:
        raise SettingsError([*lines, *map(_line, invalid.errors())]) from None
    if lines:
        raise SettingsError(lines)
    return settings


def variable_of(field: str) -> str:
    """The environment variable that sets `field`."""
    return PREFIX + field.upper()


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = [variable_of(field) for field in Settings.model_fields]
    ours = (name for name in environment if name.upper().startswith(PREFIX))
    return [_no_such(name, known) for name in sorted(ours) if name.upper() not in known]


def _no_such(name: str, known: list[str]) -> str:
    similar = get_close_matches(name.upper(), known, n=1, cutoff=0.8)  # all begin alike
    return f"{name}: there is no such setting" + (f"; did you mean {similar[0]}?" if similar else "")


def _line(error: ErrorDetails) -> str:
    message = re.sub(r"^\w+ should", "must", error["msg"].removeprefix("Value error, "))
    return f"{variable_of(str(error['loc'][0]))}: {message}" if error["loc"] else message
