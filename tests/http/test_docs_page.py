"""`/docs` needs nothing but this server, and may do nothing with any other."""

import base64
import hashlib
import re

import pytest

from tests.http.asking import ask
from tests.http.replica_stub import an_app


async def page() -> tuple[str, dict[str, str]]:
    """The page, and its policy by directive."""
    response = await ask(an_app(), "GET", "/docs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = [directive.partition(" ") for directive in response.headers["content-security-policy"].split("; ")]
    return response.text, {name: sources for name, _, sources in policy}


async def test_it_shows_the_document() -> None:
    """The one that /openapi.json gives."""
    text, _ = await page()
    assert "url: '/openapi.json'" in text


async def test_all_that_it_loads_is_here() -> None:
    """Each file comes from this server, of the kind that a browser believes in, and none from another one."""
    text, _ = await page()
    loaded = dict.fromkeys(re.findall(r'(?:src|href)="([^"]*)"', text))
    kinds = {}
    for target in loaded:
        if target != "data:,":  # no icon
            response = await ask(an_app(), "GET", target)
            assert response.status_code == 200
            kinds[target] = response.headers["content-type"]
    assert kinds == {
        "/docs/swagger-ui.css": "text/css; charset=utf-8",
        "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    }
    assert "//" not in text.replace("<!--", "")


async def test_it_may_load_and_ask_nothing_else() -> None:
    """Its policy begins with nothing, and adds this server; no script in the page runs but the one it came with."""
    text, policy = await page()
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert not [source for sources in policy.values() for source in sources.split() if ":" in source[:-1]]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/docs/", 404),
        ("GET", "/docs/nothing.js", 404),
        ("GET", "/docs/../core.py", 404),
        ("GET", "/docs/%2e%2e/core.py", 404),
        ("POST", "/docs", 405),
        ("POST", "/docs/swagger-ui.css", 405),
    ],
)
async def test_what_is_not_there_is_a_problem(method: str, target: str, status: int) -> None:
    """As everywhere."""
    response = await ask(an_app(), method, target)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
