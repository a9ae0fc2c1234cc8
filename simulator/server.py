"""Serves the simulator over HTTP until SIGTERM or SIGINT."""

import signal
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from simulator.app import create_app

GRACE_SECONDS = 2
"""A held or slow request delays the process's end no longer than this."""


def run(
    host: str, port: int, state: Path, webhooks: Mapping[str, dict[str, str]] | None = None
) -> None:
    """Serve on the address given, with everything stored under `state`; return on SIGTERM.
    `webhooks`: {"url", "secret"} of the accounts at providers that have such, by name."""
    config = uvicorn.Config(
        create_app(state, webhooks),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
        # Longer than clients keep idle connections: only a fault may break an order's request.
        timeout_keep_alive=75,
    )
    # uvicorn passes the signal on to the handler that it found, after shutting down: this one ends
    # the process in order instead of by the signal.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    uvicorn.Server(config).run()
