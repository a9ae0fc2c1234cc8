"""The OpenAPI document with what FastAPI does not know, and its page."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from api.http.problems import MEDIA_TYPE
from api.openapi.events import add_webhooks
from api.openapi.examples import add_examples

DESCRIPTION = """
Turns referrals into delivered rewards, and can prove it.

* Credentials go in `X-App-Id` and `X-App-Token`.
* Money is an integer of minor units and an ISO 4217 currency; times are RFC 3339, UTC.
* Errors are `application/problem+json`; decide by `key`.
* A POST may carry an `Idempotency-Key`: a repeat with the same body gets the first answer.
"""

_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat under the same key and body gets the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def document(app: FastAPI, server: str) -> None:
    """Serve /openapi.json and /docs. The page's scripts are served here: no internet is needed."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, server)
        return app.openapi_schema

    text, writing = bytearray(), asyncio.Lock()

    async def read_document(_: Request) -> Response:
        async with writing:
            if not text:
                # Takes seconds on a busy machine, so in a thread, beside which the event loop
                # continues.
                text.extend(await asyncio.to_thread(lambda: json.dumps(openapi()).encode()))
        return Response(bytes(text), media_type="application/json")

    app.add_route("/openapi.json", read_document, include_in_schema=False)
    setattr(app, "openapi", openapi)  # noqa: B010 - FastAPI's documented way to extend it
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_swagger", "resources")]))
    app.add_api_route("/docs", _page, include_in_schema=False)


async def _page() -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Guerdon",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon-32x32.png",
        swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
    )
    page.headers["Content-Security-Policy"] = _policy_of(bytes(page.body))
    return page


def _policy_of(page: bytes) -> str:
    """What the page may load: our own files, and its one inline script."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(one).digest()).decode()}'" for one in scripts)
    return (
        f"default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; frame-ancestors 'none'"
    )


def _describe(app: FastAPI, server: str) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": server}],
    )
    schemes = {"AppId": "X-App-Id", "AppToken": "X-App-Token"}
    schema.setdefault("components", {})["securitySchemes"] = {
        name: {"type": "apiKey", "in": "header", "name": header} for name, header in schemes.items()
    }
    _name_operations(schema["paths"])
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _correct(operation, method, guarded=path.startswith("/v1"))
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    add_examples(schema)
    add_webhooks(schema)
    return schema


def unique_id(route: APIRoute) -> str:
    """A route's id until it gets its short name: generated forms are named after it."""
    path = "_".join(part.strip("{}") for part in route.path.split("/") if part)
    return f"{route.name}_{path}_{min(route.methods or {'any'}).lower()}"


def _name_operations(paths: dict[str, Any]) -> None:
    """Short names, because they become the functions of generated clients: the route's own, with
    the subject added if two routes share one."""
    named = [
        (path, operation, operation["operationId"].split("_v1_")[0].split("_hooks_")[0])
        for path, operations in paths.items()
        for operation in operations.values()
    ]
    often = Counter(name for _, _, name in named)
    for path, operation, name in named:
        about = path.split("/")[2:3] + (["campaign"] if "{campaign_id}" in path else [])
        operation["operationId"] = "_".join([name, *about]) if often[name] > 1 else name


def _correct(operation: dict[str, Any], method: str, *, guarded: bool) -> None:
    """What FastAPI cannot know: both headers together are the credential, invalid input is 400 and
    not 422, problems have a media type of their own."""
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    for answer in answers.values():
        content = answer.get("content", {})
        if MEDIA_TYPE in content and "application/json" in content:
            content[MEDIA_TYPE] |= content.pop("application/json")
    if guarded:
        operation["security"] = [{"AppId": [], "AppToken": []}]
    if guarded and method == "post":
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
