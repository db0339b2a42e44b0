"""Settings: every variable with its default and bounds, and errors that name variables and never values."""

import os

import pytest
from pydantic import SecretStr, ValidationError

from factorsvc.settings import PREFIX, Settings, SettingsError, load_settings, variable_of

DEFAULTS = {  # design 11
    "FACTORSVC_BACKEND": "cluster",
    "FACTORSVC_HTTP_HOST": "127.0.0.1",
    "FACTORSVC_HTTP_PORT": 8080,
    "FACTORSVC_REDIS_HOST": "localhost",
    "FACTORSVC_REDIS_PORT": 6379,
    "FACTORSVC_REDIS_USERNAME": "default",
    "FACTORSVC_REDIS_PASSWORD": None,
    "FACTORSVC_REDIS_TLS": False,
    "FACTORSVC_REDIS_ACL": "required",
    "FACTORSVC_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "FACTORSVC_KAFKA_TOPIC_PREFIX": "factorsvc",
    "FACTORSVC_KAFKA_REPLICATION_FACTOR": None,
    "FACTORSVC_KAFKA_USERNAME": None,
    "FACTORSVC_KAFKA_PASSWORD": None,
    "FACTORSVC_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "FACTORSVC_KAFKA_TLS": False,
    "FACTORSVC_LEASE_TTL_S": 10,
    "FACTORSVC_CLASSES": 61,
    "FACTORSVC_FACTORIZER": "flint",
    "FACTORSVC_QUERY_TIMEOUT_S": 5,
    "FACTORSVC_APPEND_TIMEOUT_S": 5,
    "FACTORSVC_FACTOR_TIMEOUT_S": 10,
    "FACTORSVC_DRAIN_DELAY_S": 5,
    "FACTORSVC_DRAIN_DEADLINE_S": 25,
    "FACTORSVC_MAX_BATCH": 10_000,
    "FACTORSVC_MAX_BODY_BYTES": 1_048_576,
    "FACTORSVC_MAX_BITS": 256,
    "FACTORSVC_MAX_CONCURRENT": 1_000,
    "FACTORSVC_FACTOR_WORKERS": min(os.cpu_count() or 1, 256),
    "FACTORSVC_FACTOR_QUEUE": 64,
    "FACTORSVC_LOG_FORMAT": "auto",
    "FACTORSVC_LOG_LEVEL": "info",
}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert {variable_of(field): value for field, value in load_settings()} == DEFAULTS


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("FACTORSVC_BACKEND", "memory", "memory"),
        ("FACTORSVC_HTTP_HOST", "::", "::"),
        ("FACTORSVC_HTTP_PORT", "0", 0),
        ("FACTORSVC_HTTP_PORT", "65535", 65_535),
        ("FACTORSVC_REDIS_HOST", "redis", "redis"),
        ("FACTORSVC_REDIS_PORT", "65535", 65_535),
        ("FACTORSVC_REDIS_USERNAME", "admin", "admin"),
        ("FACTORSVC_REDIS_PASSWORD", "s3cret", SecretStr("s3cret")),
        ("FACTORSVC_REDIS_TLS", "true", True),
        ("FACTORSVC_KAFKA_BOOTSTRAP_SERVERS", "a:1,[::1]:9092", "a:1,[::1]:9092"),
        ("FACTORSVC_KAFKA_TOPIC_PREFIX", "Team_1.factors-x", "Team_1.factors-x"),
        ("FACTORSVC_KAFKA_REPLICATION_FACTOR", "3", 3),
        ("FACTORSVC_KAFKA_SASL_MECHANISM", "PLAIN", "PLAIN"),
        ("FACTORSVC_KAFKA_TLS", "true", True),
        ("FACTORSVC_LEASE_TTL_S", "1", 1.0),
        ("FACTORSVC_LEASE_TTL_S", "300", 300.0),
        ("FACTORSVC_LEASE_TTL_S", "2.5", 2.5),
        ("FACTORSVC_CLASSES", "1", 1),
        ("FACTORSVC_FACTORIZER", "sympy", "sympy"),
        ("FACTORSVC_DRAIN_DELAY_S", "0", 0.0),
        ("FACTORSVC_MAX_BITS", "1024", 1024),
        ("FACTORSVC_FACTOR_QUEUE", "0", 0),
        ("FACTORSVC_LOG_FORMAT", "json", "json"),
        ("FACTORSVC_LOG_LEVEL", "debug", "debug"),
        ("factorsvc_log_level", "error", "error"),
    ],
)
def test_a_variable_sets_its_setting(variable: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)
    found = {variable_of(field): setting for field, setting in load_settings()}
    assert found == DEFAULTS | {variable.upper(): value}


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("FACTORSVC_BACKEND", "redis", "'cluster' or 'memory'"),
        ("FACTORSVC_BACKEND", "Memory", "'cluster' or 'memory'"),
        ("FACTORSVC_HTTP_HOST", "", "at least 1 character"),
        ("FACTORSVC_HTTP_PORT", "65536", "less than or equal to 65535"),
        ("FACTORSVC_REDIS_HOST", "", "at least 1 character"),
        ("FACTORSVC_REDIS_PORT", "0", "greater than or equal to 1"),
        ("FACTORSVC_REDIS_PASSWORD", "", "at least 1 "),
        ("FACTORSVC_REDIS_TLS", "maybe", "a valid boolean"),
        ("FACTORSVC_KAFKA_BOOTSTRAP_SERVERS", "", "match pattern"),
        ("FACTORSVC_KAFKA_BOOTSTRAP_SERVERS", "kafka", "match pattern"),
        ("FACTORSVC_KAFKA_BOOTSTRAP_SERVERS", "a:1, b:2", "match pattern"),
        ("FACTORSVC_KAFKA_TOPIC_PREFIX", "a/b", "match pattern"),
        ("FACTORSVC_KAFKA_REPLICATION_FACTOR", "0", "greater than or equal to 1"),
        ("FACTORSVC_KAFKA_USERNAME", "me", "FACTORSVC_KAFKA_PASSWORD"),
        ("FACTORSVC_KAFKA_PASSWORD", "", "at least 1 "),
        ("FACTORSVC_KAFKA_SASL_MECHANISM", "GSSAPI", "'PLAIN', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'"),
        ("FACTORSVC_KAFKA_TLS", "maybe", "a valid boolean"),
        ("FACTORSVC_HTTP_PORT", "-1", "greater than or equal to 0"),
        ("FACTORSVC_HTTP_PORT", "http", "a whole number in plain digits"),
        ("FACTORSVC_HTTP_PORT", "", "a whole number in plain digits"),
        ("FACTORSVC_HTTP_PORT", "8080.0", "a whole number in plain digits"),
        ("FACTORSVC_HTTP_PORT", " 8080", "a whole number in plain digits"),
        ("FACTORSVC_HTTP_PORT", "8080\n", "a whole number in plain digits"),
        ("FACTORSVC_HTTP_PORT", "8_080", "a whole number in plain digits"),
        ("FACTORSVC_HTTP_PORT", "\u0668\u0660\u0668\u0660", "a whole number in plain digits"),
        ("FACTORSVC_MAX_BODY_BYTES", "1MiB", "a whole number in plain digits, without a unit"),
        ("FACTORSVC_MAX_BODY_BYTES", "1e6", "a whole number in plain digits"),
        ("FACTORSVC_LEASE_TTL_S", "0.9", "greater than or equal to 1"),
        ("FACTORSVC_LEASE_TTL_S", "301", "less than or equal to 300"),
        ("FACTORSVC_LEASE_TTL_S", "10s", "a number of seconds in plain digits, without a unit"),
        ("FACTORSVC_QUERY_TIMEOUT_S", "0", "greater than or equal to 0.1"),
        ("FACTORSVC_QUERY_TIMEOUT_S", "inf", "a number of seconds"),
        ("FACTORSVC_QUERY_TIMEOUT_S", "nan", "a number of seconds"),
        ("FACTORSVC_CLASSES", "0", "greater than or equal to 1"),
        ("FACTORSVC_MAX_BITS", "1025", "less than or equal to 1024"),
        ("FACTORSVC_MAX_CONCURRENT", "0", "greater than or equal to 1"),
        ("FACTORSVC_FACTOR_WORKERS", "0", "greater than or equal to 1"),
        ("FACTORSVC_DRAIN_DELAY_S", "26", "FACTORSVC_DRAIN_DEADLINE_S"),
        ("FACTORSVC_LOG_LEVEL", "verbose", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    (line,) = wrong.value.lines
    assert line.startswith(f"{variable}: must ")
    assert says in line


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("FACTORSVC_QUERY_TIMOUT_S", "; did you mean FACTORSVC_QUERY_TIMEOUT_S?"),
        ("factorsvc_max_batches", "; did you mean FACTORSVC_MAX_BATCH?"),
        ("FACTORSVC_XYZZY_AND_MUCH_MORE_OF_THAT", ""),
    ],
)
def test_a_variable_that_is_none_of_ours_is_an_error(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "3")
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert wrong.value.lines == (f"{variable}: there is no such setting{meant}",)


def test_all_that_is_wrong_is_said_at_once_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FACTORSVC_HTTP_PORT", "FACTORSVC_CLASSES", "FACTORSVC_CLASES"):
        monkeypatch.setenv(variable, "x")
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert [line.partition(":")[0] for line in wrong.value.lines] == [
        "FACTORSVC_CLASES",
        "FACTORSVC_HTTP_PORT",
        "FACTORSVC_CLASSES",
    ]
    assert str(wrong.value) == "\n".join(wrong.value.lines)


def test_a_message_repeats_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*DEFAULTS, "FACTORSVC_PASWORD"):
        monkeypatch.setenv(variable, "hunter2")
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert len(wrong.value.lines) == len(DEFAULTS) + 1 - 7  # any text is a host, a prefix, a user, or a password
    assert "hunter2" not in str(wrong.value)
    assert wrong.value.__suppress_context__


def test_a_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORSVC_HTTP_PORT", "81")
    assert load_settings(http_port=82).http_port == 82


def test_a_wrong_command_line_names_the_variable_too() -> None:
    with pytest.raises(SettingsError, match="FACTORSVC_HTTP_PORT: must be less than or equal to 65535"):
        load_settings(http_port=70_000)


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.http_port = 1  # type: ignore[misc]
