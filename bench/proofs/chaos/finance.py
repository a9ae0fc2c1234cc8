"""Reconciles each provider's book with the ledger and the grants after a run, over the API."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from bench.proofs.chaos.outside import Outside, Row
from providers.registry import KNOWN

_SHOWN = 3
"""Differences per provider that are printed; the rest is counted."""
_PATIENCE = 300
"""Seconds that a reconciliation may take."""


async def reconcile(outside: Outside) -> tuple[Counter[str], list[str]]:
    """Reconcile every provider: the number of orders by filing, and a sentence for each
    reconciliation that failed or found a difference."""
    filed, wrong = Counter[str](), list[str]()
    for provider in sorted(KNOWN):
        run = await _ended(outside, await _begun(outside, provider))
        filed.update(run["totals"])
        if run["status"] != "completed":
            wrong.append(f"the reconciliation of {provider} is {run['status']}: {run['detail']}")
        elif run["differences"]:
            wrong += await _differences(outside, run)
    return filed, wrong


async def _begun(outside: Outside, provider: str) -> str:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    period = {"from": today - timedelta(days=1), "to": today + timedelta(days=2)}
    days = {name: at.isoformat() for name, at in period.items()}
    run = await outside.post("/v1/reconciliations", {"provider": provider} | days)
    return str(run["id"])


async def _ended(outside: Outside, id: str) -> Row:
    deadline = time.monotonic() + _PATIENCE
    while True:
        run: Row = await outside.get(f"/v1/reconciliations/{id}")
        if run["status"] != "running" or time.monotonic() > deadline:
            return run
        await asyncio.sleep(0.3)


async def _differences(outside: Outside, run: Row) -> list[str]:
    items = await outside.all(f"/v1/reconciliations/{run['id']}/items")
    found = [item for item in items if item["filed"] not in ("matched", "in_flight")]
    words = [f"{run['provider']}, {item['key']}: {item['filed']}" for item in found[:_SHOWN]]
    rest = len(found) - len(words)
    return words + ([f"{run['provider']}: {rest} differences more"] if rest else [])
