"""`make fuzz`: odd inputs, then schemathesis, for every operation, against the whole stack.

The sweep replaces one value at a time in each operation's example (`odd_inputs`). Schemathesis
generates valid and invalid requests. Both fail at a 5xx, and at an undocumented status or content
type; schemathesis also at an answer outside its schema. At the same time, in every role, bodies
arrive byte by byte and at the maximum size (`slow_bodies`), and the API's event loop is watched: it
may block for at most 200 ms."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import typer

from bench.proofs.odd_inputs import odd_requests, world_of, wrong_with
from bench.proofs.slow_bodies import sent_beside
from bench.speed.loop_watch import LONGEST_BLOCK, watched_loop
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from cli.stack.state import DevInfo
from domain.roles import Role

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


def main(seconds: int = 600, seed: int = 1) -> None:
    """Run for so many seconds, a third of them with odd inputs; the exit status is 1 if anything
    was wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-fuzz-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        assert stack.info.api
        with (
            watched_loop(stack.ports.api, stack.info.api.pid) as loop,
            sent_beside(*beside(stack.info), seed) as bodies,
        ):
            sent, wrong = sweep(stack.info, seconds // 3, seed)
            print(f"{sent} requests with odd inputs, {len(wrong)} answered wrongly")
            rest = command(stack.info, seed, "--max-time", str(seconds - seconds // 3))
            # The load generator must not take CPU from the API.
            status = subprocess.run(["nice", *rest], cwd=home, check=False)
        wrong += bodies.wrong
        print(f"Bodies: {bodies}", *wrong[:50], sep="\n")
        print(f"API: {loop}")
    raise SystemExit(status.returncode or bool(wrong) or loop.blocked > LONGEST_BLOCK)


def beside(info: DevInfo) -> tuple[str, dict[str, Any], list[dict[str, str]]]:
    """The arguments for slow and huge bodies: the address, the document, the credentials."""
    assert info.api
    headers = {"X-App-Id": info.app_id, "X-App-Token": info.app_token}
    with httpx.Client(base_url=info.api.url, headers=headers, timeout=60) as client:
        document = client.get("/openapi.json").json()
        return info.api.url, document, [_credentials(client, role) for role in Role]


def sweep(
    info: DevInfo, seconds: float, seed: int, most: int | None = None
) -> tuple[int, list[str]]:
    """Send odd inputs for so long, at most `most`, every second one as admin and the others in turn
    as each role; return how many were sent, and the wrong answers."""
    assert info.api
    headers = {"X-App-Id": info.app_id, "X-App-Token": info.app_token}
    sent, wrong, ends = 0, [], time.monotonic() + seconds
    with httpx.Client(base_url=info.api.url, headers=headers, timeout=60) as client:
        document = client.get("/openapi.json").json()
        for path, body in world_of(document):
            client.post(path, json=body)
        others = cycle([_credentials(client, role) for role in Role if role != Role.ADMIN])
        for odd in odd_requests(document, seed)[:most]:
            if time.monotonic() > ends:
                break
            as_whom = {} if sent % 2 else next(others)
            answer = client.request(
                odd.method, odd.url, content=odd.content, headers=odd.headers | as_whom
            )
            sent += 1
            kind = answer.headers.get("content-type", "").partition(";")[0]
            if found := wrong_with(odd, answer.status_code, kind):
                wrong.append(f"{odd.method} {odd.path}: {odd.what}: {found}")
    return sent, wrong


def _credentials(client: httpx.Client, role: Role) -> dict[str, str]:
    answer = client.post("/v1/keys", json={"name": f"fuzz as {role}", "role": role})
    made = answer.raise_for_status().json()
    return {"X-App-Id": made["id"], "X-App-Token": made["token"]}


def command(info: DevInfo, seed: int, *bound: str) -> list[str]:
    """The command that fuzzes this stack, as its admin. `bound`: options that say how long."""
    assert info.api
    return [
        *(_SCHEMATHESIS, "run", f"{info.api.url}/openapi.json", "--wait-for-schema", "60"),
        *("--url", info.api.url),
        *("-H", f"X-App-Id: {info.app_id}", "-H", f"X-App-Token: {info.app_token}"),
        *("--checks", ",".join(CHECKS), "--seed", str(seed), *bound),
        *("--continue-on-failure", "--no-shrink", "--request-timeout", "60"),
        *("--warnings", "off", "--no-color", "--generation-database", "none"),
    ]


if __name__ == "__main__":
    typer.run(main)
