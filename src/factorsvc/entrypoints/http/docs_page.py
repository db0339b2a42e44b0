"""`/docs`: Swagger UI out of this process: it works where there is no internet, and tells nobody who reads it."""

import base64
import hashlib
import re
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

DOCS_PATH: Final = "/docs"
_INLINE_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def make_docs_routes(openapi_url: str) -> APIRouter:
    """The page that shows the document at `openapi_url` and lets its reader try it, and the files that the page loads.

    Its policy lets it load and ask nothing but this server, and run no script but its own.
    """
    page = get_swagger_ui_html(
        openapi_url=openapi_url,
        title="factorsvc",
        swagger_js_url=f"{DOCS_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{DOCS_PATH}/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    content = bytes(page.body)
    policy = {"Content-Security-Policy": _policy(content), "X-Content-Type-Options": "nosniff"}
    routes = APIRouter(routes=[Mount(DOCS_PATH, StaticFiles(packages=[("fastapi_offline", "static")]))])

    @routes.get(DOCS_PATH, include_in_schema=False)
    async def show_docs(_request: Request) -> Response:
        return HTMLResponse(content, headers=policy)

    return routes


def _policy(page: bytes) -> str:
    """What `page` may do (CSP 3): run the script that stands in it, known by its hash, and load files of this server.

    Swagger UI styles its elements inline and draws its icons from `data:` addresses.
    """
    hashes = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(page)]
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
