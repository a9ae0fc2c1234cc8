"""`kill -9` of the worker in the middle of an asynchronous action: every row once, and counted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from cli.stack.stack import Stack
from tests.failure.judge import Judge

ROWS = 20_000
KNOWN = 7
"""Customers that are there before, so that there is something to update."""
WRONG = 3


def person(prefix: str, number: int) -> dict[str, Any]:
    return {"source_id": f"{prefix}{number}", "name": f"Person {number}"}


async def _bulk(http: httpx.AsyncClient) -> httpx.Response:
    rows = [person("bulk", number) for number in range(ROWS - WRONG)]
    body = [*rows, *({"name": "nobody"} for _ in range(WRONG))]
    return await http.post("/v1/customers/bulk/async", json=body)


async def _csv(http: httpx.AsyncClient) -> httpx.Response:
    rows = (f"csv{number},Person {number}" for number in range(ROWS - WRONG))
    text = "\n".join(["Source_id,Name", *rows, *[",nobody"] * WRONG])
    return await http.post("/v1/customers/importCSV", files={"file": ("c.csv", text, "text/csv")})


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("prefix", "send"), [("bulk", _bulk), ("csv", _csv)])
async def test_goes_on_with_no_row_lost_or_doubled(
    stack: Stack,
    judge: Judge,
    figure: Callable[[str], None],
    prefix: str,
    send: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]],
) -> None:
    http = judge.engine.http
    for number in range(KNOWN):
        known = {"source_id": f"{prefix}{number}", "name": "Before"}
        (await http.post("/v1/customers", json=known)).raise_for_status()
    action_id = (await send(http)).raise_for_status().json()["async_action_id"]
    done = await _killed_within_a_part(stack, http, action_id)
    assert 0 < done < ROWS

    async def over() -> bool:
        return bool((await _read(http, action_id))["status"] == "DONE")

    await judge.eventually(over, "the action is done", seconds=300)
    action = await _read(http, action_id)
    assert (action["operation_status"], action["progress"]) == ("SUCCESS", 100)
    result = {**action["result"], "failed": [each["row"] for each in action["result"]["failed"]]}
    assert result == {
        "message": f"{ROWS} of {ROWS} rows processed",
        "done_count": ROWS - WRONG,
        "created_count": ROWS - WRONG - KNOWN,
        "updated_count": KNOWN,
        "failed_count": WRONG,
        "failed": [ROWS - 2, ROWS - 1, ROWS],
    }
    assert await _told(stack, prefix) == {
        "customers": ROWS - WRONG,
        "created": ROWS - WRONG,
        "updated": KNOWN,
        "parts left": 0,
    }
    figure(f"{prefix}: killed -9 after {done} of {ROWS} rows, within the next part")


async def _killed_within_a_part(stack: Stack, http: httpx.AsyncClient, action_id: str) -> int:
    """Kill the worker while it has written a part's rows and not committed them: a lock keeps it
    from telling of them. How many rows were done."""
    while not (await _read(http, action_id))["result"]["done_count"]:
        await asyncio.sleep(0.02)
    blocker = await asyncpg.connect(stack.urls.database)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(0.7)
            done = int((await _read(http, action_id))["result"]["done_count"])
            stack.kill("worker", signal.SIGKILL)
            await asyncio.sleep(0.3)
    finally:
        await blocker.close()
    return done


async def _read(http: httpx.AsyncClient, action_id: str) -> dict[str, Any]:
    action: dict[str, Any] = (await http.get(f"/v1/async-actions/{action_id}")).json()
    return action


async def _told(stack: Stack, prefix: str) -> dict[str, int]:
    """What there is of these people, and what the event table tells of them."""
    connection = await asyncpg.connect(stack.urls.database)
    of_them = f"source_id LIKE '{prefix}%'"
    told = f"SELECT count(*) FROM events JOIN customers c ON c.id = customer_id WHERE {of_them}"
    try:
        return {
            "customers": await connection.fetchval(
                f"SELECT count(*) FROM customers WHERE {of_them}"
            ),
            "created": await connection.fetchval(f"{told} AND type = 'customer.created'"),
            "updated": await connection.fetchval(f"{told} AND type = 'customer.updated'"),
            "parts left": await connection.fetchval("SELECT count(*) FROM action_parts"),
        }
    finally:
        await connection.close()
