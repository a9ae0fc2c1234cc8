"""`python -m bench.exporting --rows 1000000`: redemptions exported over HTTP, and the memory that
the API takes for it, beside PostgreSQL's own COPY of the same rows in the same run."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import typer

from cli.stack.ports import Ports
from cli.stack.stack import Stack

_COPIES = """
INSERT INTO redemptions
SELECT (jsonb_populate_record(one, jsonb_build_object(
    'id', 'r_' || lpad(n::text, 26, '0'), 'identity', null, 'amount', n))).*
FROM redemptions one, generate_series($3::int, $1::int) n WHERE one.id = $2"""


def main(rows: int = 1_000_000, few: int = 10_000) -> None:
    """Measure a short file, then a long one, and print both."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-bench-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        asyncio.run(_measure(stack, few, rows))


async def _measure(stack: Stack, few: int, many: int) -> None:
    assert stack.info.api
    headers = {"X-App-Id": stack.info.app_id, "X-App-Token": stack.info.app_token}
    api = psutil.Process(stack.info.api.pid)
    connection = await asyncpg.connect(stack.urls.database)
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
            lines, size, seconds, peak = await _exported(client, api)
            print(
                f"{rows:>9} redemptions: {lines} lines, {size / 1e6:.0f} MB in {seconds:.1f} s "
                f"(bare COPY of the table {copied:.1f} s); API before {peak[0] / 1e6:.0f} MB, "
                f"at most {peak[1] / 1e6:.0f} MB"
            )
            if lines != rows + 1:
                raise SystemExit(f"{rows + 1} lines were due")
    await connection.close()


async def _one(client: httpx.AsyncClient) -> str:
    """A redemption, the way they come about."""
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


async def _exported(
    client: httpx.AsyncClient, api: psutil.Process
) -> tuple[int, int, float, tuple[int, int]]:
    """Lines, bytes, seconds, and the API's memory before and at most."""
    export = await _post(client, "/v1/exports", {"exported_object": "redemption"})
    done = (await client.get(f"/v1/exports/{export['id']}")).raise_for_status().json()
    token = done["result"]["url"].partition("token=")[2]
    before = peak = api.memory_info().rss
    lines = size = 0
    began = time.perf_counter()
    path = f"/v1/exports/{export['id']}?token={token}"
    async with client.stream("GET", path) as file:
        async for block in file.aiter_bytes():
            lines += block.count(b"\n")
            size += len(block)
            peak = max(peak, api.memory_info().rss)
    return lines, size, time.perf_counter() - began, (before, peak)


if __name__ == "__main__":
    typer.run(main)
