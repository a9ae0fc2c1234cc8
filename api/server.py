"""The API process."""

from __future__ import annotations

import gc
import sys
import time

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from api.http.connection import BoundedProtocol
from api.settings import ApiSettings
from providers.registry import sections
from store.logs import log_as_json
from store.settings import StoreSettings, check_all, explain

_SWITCH = 0.001
"""Seconds after which a thread that parses a file yields to the event loop; Python's default is
five times that, and a request needs a dozen such switches."""

_NEVER = 2**31 - 1
"""The largest threshold that the collector accepts."""


def run(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish open requests. Exits 2 for a missing or wrong
    setting, and names it."""
    try:
        check_all(ApiSettings, StoreSettings, *sections())
        # It takes seconds to load. A wrong setting is named before.
        from api.app import create_app

        app = create_app(ApiSettings(), StoreSettings())
    except ValueError as error:
        print(f"guerdon api: {explain(error)}", file=sys.stderr)  # noqa: T201 - the only output
        sys.exit(2)
    log_as_json()
    make_ready(app)
    sys.setswitchinterval(_SWITCH)
    leave_collection_to_calm_moments()
    uvicorn.Server(configured(app, host, port)).run()
    # Temporal's threads outlive its client briefly; exiting during that aborts the interpreter.
    time.sleep(0.3)


def leave_collection_to_calm_moments() -> None:
    """Run garbage collections only between uploads.

    A collection walks through all objects, and stops every thread meanwhile: a quarter of a second
    beside a body of a hundred thousand rows. What is loaded now is never walked through again, and
    `api.http.garbage` collects the rest while there is no such body."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)


def make_ready(app: FastAPI) -> None:
    """Prepare all routes. FastAPI would do it at the first request, and block the event loop for
    half a second."""
    for route in app.routes:
        route.matches(
            {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
        )


def configured(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """The server's configuration."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=15,
        # Longer than clients keep idle connections (httpx: 5 s), so that the server never closes
        # one just as a request, which may not be repeated, is sent on it.
        timeout_keep_alive=75,
    )
