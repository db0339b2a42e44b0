"""How the brokers are reached: what aiokafka is told, and what nobody is."""

import ssl
from inspect import signature

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient

from factorsvc.adapters.kafka.access import Access, Login

SECRET = "hunter2"  # noqa: S105 - nobody's


def an_access(*, login: bool = False, tls: bool = False) -> Access:
    return Access(bootstrap_servers="a:1,b:2", login=Login("me", SECRET, "PLAIN") if login else None, tls=tls)


@pytest.mark.parametrize("client", [AIOKafkaClient, AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient])
def test_every_client_takes_the_options(client: type) -> None:
    assert an_access(login=True, tls=True).options.keys() <= signature(client).parameters.keys()


@pytest.mark.parametrize(
    ("login", "tls", "protocol"),
    [
        (False, False, "PLAINTEXT"),
        (False, True, "SSL"),
        (True, False, "SASL_PLAINTEXT"),
        (True, True, "SASL_SSL"),
    ],
)
async def test_login_and_tls_make_the_protocol(login: bool, tls: bool, protocol: str) -> None:
    options = an_access(login=login, tls=tls).options

    assert options["security_protocol"] == protocol
    assert (options["ssl_context"] is not None) == tls
    assert AIOKafkaClient(**options).hosts


def test_a_login_says_who_and_how() -> None:
    options = an_access(login=True).options

    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("me", SECRET)
    assert options["sasl_mechanism"] == "PLAIN"


def test_the_server_must_show_who_it_is() -> None:
    context = an_access(tls=True).options["ssl_context"]

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_time_is_told_in_milliseconds() -> None:
    assert Access(bootstrap_servers="a:1", request_timeout_s=1.5).options["request_timeout_ms"] == 1_500


def test_no_secret_is_shown() -> None:
    assert SECRET not in repr(an_access(login=True))
