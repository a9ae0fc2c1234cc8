"""`make fuzz`: schemathesis over the whole OpenAPI document, against the whole stack.

It makes up requests, right and wrong ones, for every operation, and fails at a 5xx, a status or
content type that is not documented, or an answer outside its schema.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import typer

from cli.stack.ports import Ports
from cli.stack.stack import Stack
from cli.stack.state import DevInfo

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


def main(seconds: int = 600, seed: int = 1) -> None:
    """Run for so many seconds; the exit status is schemathesis's own."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-fuzz-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        status = subprocess.run(command(stack.info, seconds, seed), cwd=home, check=False)
    raise SystemExit(status.returncode)


def command(info: DevInfo, seconds: int, seed: int) -> list[str]:
    """The command that fuzzes this stack, as its admin."""
    assert info.api
    return [
        *(_SCHEMATHESIS, "run", f"{info.api.url}/openapi.json", "--wait-for-schema", "60"),
        *("--url", info.api.url),
        *("-H", f"X-App-Id: {info.app_id}", "-H", f"X-App-Token: {info.app_token}"),
        *("--checks", ",".join(CHECKS), "--max-time", str(seconds), "--seed", str(seed)),
        *("--continue-on-failure", "--no-shrink", "--request-timeout", "60"),
        *("--warnings", "off", "--no-color", "--generation-database", "none"),
    ]


if __name__ == "__main__":
    typer.run(main)
