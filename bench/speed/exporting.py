"""`python -m bench.speed.exporting --rows 1000000`: exports redemptions over HTTP and by `guerdon
export`, and measures time and memory for a short file and a long one, compared with PostgreSQL's
own COPY of the same rows in the same run. Exits 1 when a row is missing or memory grows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import psutil
import typer

from bench.speed.memory import GUERDON, Peak, require_flat, told
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from store.exports.counting import Rows

_COPIES = """
INSERT INTO redemptions
SELECT (jsonb_populate_record(one, jsonb_build_object(
    'id', 'r_' || lpad(n::text, 26, '0'), 'identity', null, 'amount', n))).*
FROM redemptions one, generate_series($3::int, $1::int) n WHERE one.id = $2"""


class Measured(NamedTuple):
    """What one export took: rows, bytes, seconds, and the process's memory, in bytes."""

    rows: int
    size: int
    seconds: float
    memory: int

    def __str__(self) -> str:
        return f"{self.size / 1e6:.0f} MB in {self.seconds:.1f} s, at most {told(self.memory)}"


def main(rows: int = 1_000_000, few: int = 10_000) -> None:
    """Measure a short file, then a long one, and print both."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-bench-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        short, long = asyncio.run(_measure(stack, few, rows))
    for name in short:
        require_flat(name, short[name].memory, long[name].memory)


async def _measure(stack: Stack, few: int, many: int) -> list[dict[str, Measured]]:
    assert stack.info.api
    headers = {"X-App-Id": stack.info.app_id, "X-App-Token": stack.info.app_token}
    api = psutil.Process(stack.info.api.pid)
    connection = await asyncpg.connect(stack.urls.database)
    told_of: list[dict[str, Measured]] = []
    async with httpx.AsyncClient(
        base_url=stack.info.api.url, headers=headers, timeout=600
    ) as client:
        redemption_id = await _one(client)
        there = 1
        for rows in (few, many):
            await connection.execute(_COPIES, rows - 1, redemption_id, there)
            there = rows
            await connection.execute("ANALYZE redemptions")
            copied = await _copied(connection)
            print(f"{rows:>9} redemptions; bare COPY of the table {copied:.1f} s")
            exports = {
                "the API": await _exported(client, api),
                "guerdon export": await asyncio.to_thread(_commanded, stack.home),
            }
            for name, measured in exports.items():
                print(f"{'':>9} {name}: {measured}")
                if measured.rows != rows:
                    raise SystemExit(f"{name}: {measured.rows} rows where {rows} were due")
            told_of.append(exports)
    await connection.close()
    return told_of


async def _one(client: httpx.AsyncClient) -> str:
    """One redemption, made by the product itself."""
    program = {"conversion_event_type": "redemption"}
    body: dict[str, Any] = {"name": "exported", "referral_program": program}
    await _post(client, "/v1/campaigns", body)
    publication = await _post(
        client,
        "/v1/publications",
        {"campaign": {"name": "exported"}, "customer": {"source_id": "referrer"}},
    )
    code = publication["voucher"]["code"]
    redeemed = await _post(
        client,
        "/v1/redemptions",
        {
            "redeemables": [{"object": "voucher", "id": code}],
            "customer": {"source_id": "friend"},
            "order": {"amount": 1},
        },
    )
    return str(redeemed["redemptions"][0]["id"])


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.post(path, json=body)).raise_for_status().json()
    return answer


async def _copied(connection: asyncpg.Connection) -> float:
    began = time.perf_counter()

    async def drop(_: bytes) -> None:
        return None

    await connection.copy_from_query("SELECT * FROM redemptions", output=drop, format="csv")
    return time.perf_counter() - began


async def _exported(client: httpx.AsyncClient, api: psutil.Process) -> Measured:
    export = await _post(client, "/v1/exports", {"exported_object": "redemption"})
    done = (await client.get(f"/v1/exports/{export['id']}")).raise_for_status().json()
    token = done["result"]["url"].partition("token=")[2]
    peak, rows, size, began = api.memory_info().rss, Rows(), 0, time.perf_counter()
    path = f"/v1/exports/{export['id']}?token={token}"
    async with client.stream("GET", path) as file:
        async for block in file.aiter_bytes():
            rows.take(block)
            size += len(block)
            peak = max(peak, api.memory_info().rss)
    return Measured(rows.seen, size, time.perf_counter() - began, peak)


def _commanded(home: Path) -> Measured:
    file, rows, peak = home / "redemptions.csv", Rows(), Peak()
    process = subprocess.Popen(
        [GUERDON, "export", "redemption", "--output", str(file)],
        env=os.environ | {"GUERDON_HOME": str(home)},
        stderr=subprocess.DEVNULL,
    )
    began = time.perf_counter()
    if status := peak.of(process):
        raise SystemExit(f"guerdon export exited with {status}")
    seconds = time.perf_counter() - began
    with file.open("rb") as read:
        while block := read.read(1 << 20):
            rows.take(block)
    return Measured(rows.seen, file.stat().st_size, seconds, peak.held)


if __name__ == "__main__":
    typer.run(main)
