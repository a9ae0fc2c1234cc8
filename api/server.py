"""The API process."""

from __future__ import annotations

import sys
import time

import uvicorn

from api.app import create_app
from api.settings import ApiSettings
from store.logs import log_as_json
from store.settings import StoreSettings, explain


def run(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun. Exits 2, naming it, for a
    setting that is missing or wrong."""
    try:
        app = create_app(ApiSettings(), StoreSettings())
    except ValueError as error:
        print(f"guerdon api: {explain(error)}", file=sys.stderr)  # noqa: T201 - the only output
        sys.exit(2)
    log_as_json()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=15,
            # Longer than clients keep idle connections (httpx: 5 s), so that the server never
            # closes one just as a request, which may not be repeated, is sent on it.
            timeout_keep_alive=75,
        )
    )
    server.run()
    # Temporal's threads outlive its client for a moment; leaving in it aborts the interpreter.
    time.sleep(0.3)
