"""Logging in to a real broker, and what is said where it does not work."""

from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.kafka.access import Access, Login, Mechanism
from factorsvc.adapters.kafka.client import Client
from factorsvc.domain.errors import JournalUnavailableError
from tests.contracts.server import within
from tests.servers.kafka_broker import HOST, PASSWORD, USER, KafkaBroker
from tests.servers.kafka_program import NoBrokerError


@pytest.fixture
async def client(request: pytest.FixtureRequest, kafka_broker: KafkaBroker) -> AsyncIterator[Client]:
    """A client that comes in where a login is asked for, with the one that a test gives."""
    if not kafka_broker.login_port:
        raise NoBrokerError("a broker from outside is not known to ask for a login")
    servers = f"{HOST}:{kafka_broker.login_port}"
    client = Client(Access(bootstrap_servers=servers, login=request.param))
    yield client
    client.close()


def logins(password: str) -> list[Login]:
    """The same user in each way that the broker knows."""
    mechanisms: list[Mechanism] = ["PLAIN", "SCRAM-SHA-512"]
    return [Login(USER, password, mechanism) for mechanism in mechanisms]


@pytest.mark.parametrize("client", logins(PASSWORD), indirect=True, ids=lambda login: login.mechanism)
async def test_the_right_password_lets_in(client: Client) -> None:
    """For the bootstrap, and for the connections to brokers that it leads to."""
    assert (await within(client.describe([]))).brokers


@pytest.mark.parametrize("client", logins("guessed"), indirect=True, ids=lambda login: login.mechanism)
async def test_a_wrong_password_is_said(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Or who runs it would look for the fault in the network; and it is not repeated to anybody."""
    with pytest.raises(JournalUnavailableError, match="Authentication"):
        await within(client.describe([]))

    (reason,) = (vars(line)["reason"] for line in caplog.records if line.message == "kafka_out_of_reach")
    assert "Authentication" in reason
    assert "guessed" not in caplog.text


@pytest.mark.parametrize("client", [None], indirect=True)
async def test_strangers_are_kept_out(client: Client) -> None:
    """In bounded time, as whatever else does not work."""
    with pytest.raises(JournalUnavailableError):
        await within(client.describe([]))
