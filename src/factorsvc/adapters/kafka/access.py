"""How the brokers are reached: the one place that knows the names aiokafka has for it."""

import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Login:
    """Who a client is, and how it shows that (SASL)."""

    user: str
    password: str = field(repr=False)
    mechanism: Mechanism = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the brokers are, who asks them, and how long they may take over one request."""

    bootstrap_servers: str
    """As `host:port`, with commas between several: any that answers tells of all others."""
    login: Login | None = None
    """None: whoever the brokers take strangers for."""
    tls: bool = False
    """Through TLS, with the authorities that this machine trusts."""
    client_id: str = "factorsvc"
    """How the brokers' logs and quotas call this client."""
    request_timeout_s: float = 2.0
    """No answer within this time counts as none."""

    @property
    def options(self) -> dict[str, Any]:
        """What every client of aiokafka is made with: producer, consumer, and the plain one."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "request_timeout_ms": round(self.request_timeout_s * 1000),
            "security_protocol": ("SASL_" if self.login else "") + ("SSL" if self.tls else "PLAINTEXT"),
            "ssl_context": _trusted() if self.tls else None,
            **_sasl(self.login),
        }


def _sasl(login: Login | None) -> dict[str, str]:
    if login is None:
        return {}
    return {
        "sasl_mechanism": login.mechanism,
        "sasl_plain_username": login.user,
        "sasl_plain_password": login.password,
    }


@cache
def _trusted() -> ssl.SSLContext:
    """Read the authorities once: that takes longer than a request."""
    return ssl.create_default_context()
