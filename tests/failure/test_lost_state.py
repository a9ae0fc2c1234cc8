"""Backups of PostgreSQL and of Temporal never show the same moment. Whichever is lost, no card is
bought twice, and none is missing."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench.proofs.chaos.loss import guerdon, lose_temporal, recover
from bench.speed.engine import Engine
from cli.stack.ports import StackError
from cli.stack.stack import Stack
from tests.failure.judge import Judge
from tests.failure.losses import back_up, set_back
from tests.stacks import running_stack

FRIENDS = int(os.environ.get("GUERDON_FRIENDS", "20"))
"""`make restore` takes 100. The backup is taken before the later half has converted."""
KEPT = FRIENDS // 2
SIGNED_UP = range(KEPT, KEPT + FRIENDS // 5)
"""Known, and waiting, when the backup is taken."""
PATIENCE = 300 + FRIENDS


def convert(code: str, number: int) -> dict[str, Any]:
    """The event that a caller sends, and sends again."""
    return {
        "event": "first_purchase",
        "customer": {
            "source_id": f"friend-{number}",
            "name": "Friend",
            "email": f"friend-{number}@example.com",
        },
        "referral": {"code": code},
        "metadata": {"event_id": f"purchase-{number}"},
    }


async def send(engine: Engine, code: str, numbers: list[int]) -> None:
    for number in numbers:
        answer = await engine.http.post("/v1/events", json=convert(code, number))
        assert answer.status_code == 200, answer.text


async def done(judge: Judge, campaign_id: str, count: int) -> None:
    async def completed() -> bool:
        return bool((await judge.referrals(campaign_id, status="completed"))["total"] == count)

    await judge.eventually(completed, f"{count} completed", seconds=PATIENCE)


async def reconciled(engine: Engine) -> Counter[str]:
    """What a reconciliation over all orders files them as."""
    period = {"from": "2020-01-01", "to": "2100-01-01"}
    body = {"provider": "giftcard-partners"} | period
    run = (await engine.http.post("/v1/reconciliations", json=body)).json()
    while run["status"] == "running":
        await asyncio.sleep(0.3)
        run = (await engine.http.get(f"/v1/reconciliations/{run['id']}")).json()
    assert run["status"] == "completed", run
    return Counter({word: count for word, count in run["totals"].items() if count})


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose state may be lost."""
    with running_stack(tmp_path) as running:
        yield running


@pytest.mark.timeout(900)
async def test_temporal_loses_everything_and_all_that_was_open_finishes(stack: Stack) -> None:
    engine = Engine(stack)
    judge = Judge(stack, engine)
    campaign_id, code = await engine.code()
    await judge.control("PUT", "/delivery", _delivery(10**6))
    for number in range(5):
        body = {"code": code, "customer": {"source_id": f"friend-{number}"}}
        (await engine.http.post("/v1/referrals", json=body)).raise_for_status()
    await send(engine, code, list(range(5, 10)))

    async def in_flight() -> bool:
        return len(await judge.book()) == 2 * 5

    await judge.eventually(in_flight, "all ordered")
    await asyncio.to_thread(lose_temporal, stack)
    status, said = await asyncio.to_thread(guerdon, stack, "recover", "--dry-run")
    assert (status, "missing" in said) == (1, True), said
    assert "started" in await asyncio.to_thread(recover, stack)
    await judge.control("PUT", "/delivery", _delivery(0))
    await send(engine, code, list(range(5)))
    await done(judge, campaign_id, 10)
    await judge.one_card_for_each(await judge.grants(campaign_id))
    # What there was to do is done: a second time nothing is missing.
    assert (await asyncio.to_thread(guerdon, stack, "recover", "--dry-run"))[0] == 0
    await engine.http.aclose()


@pytest.mark.timeout(900 + 3 * FRIENDS)
@pytest.mark.parametrize("temporal", ["kept", "lost"])
async def test_postgresql_is_set_back_and_callers_repeat_in_another_order(
    stack: Stack, temporal: str, figure: Callable[[str], None]
) -> None:
    engine = Engine(stack)
    judge = Judge(stack, engine)
    await judge.control("PUT", "/delivery", _delivery(0))
    campaign_id, code = await engine.code()
    await send(engine, code, list(range(KEPT)))
    for number in SIGNED_UP:
        body = {"code": code, "customer": {"source_id": f"friend-{number}"}}
        (await engine.http.post("/v1/referrals", json=body)).raise_for_status()
    await done(judge, campaign_id, KEPT)
    backup = await asyncio.to_thread(back_up, stack)
    lost = list(range(KEPT, FRIENDS))
    await send(engine, code, lost)
    await done(judge, campaign_id, FRIENDS)
    before = Counter(row["key"] for row in await judge.book())
    assert len(before) == 2 * FRIENDS

    await asyncio.to_thread(_restore, stack, backup, temporal)

    async def back() -> bool:
        return (await engine.http.get("/readyz")).is_success

    await judge.eventually(back, "the API is back", seconds=300)
    assert (await reconciled(engine))["unknown_to_us"] == 2 * len(lost)
    await send(engine, code, random.Random(FRIENDS).sample(lost, len(lost)))
    await done(judge, campaign_id, FRIENDS)

    assert Counter(row["key"] for row in await judge.book()) == before
    await judge.one_card_for_each(await judge.grants(campaign_id))
    assert await reconciled(engine) == {"matched": 2 * FRIENDS}
    figure(
        f"set back below {len(lost)} of {FRIENDS} referrals, Temporal {temporal}: reconciliation "
        f"named {2 * len(lost)} orders, the provider's book holds one card for each grant"
    )
    await engine.http.aclose()


def _restore(stack: Stack, backup: Path, temporal: str) -> None:
    """As docs/operations.md says: nobody works while the state is restored."""
    stack.stop("api")
    stack.stop("worker")
    set_back(stack, backup)
    if temporal == "lost":
        lose_temporal(stack)
    recover(stack)
    # The API first: it is waited for, and both take their time to come up.
    with suppress(StackError):
        stack.start("api")
    stack.start("worker")


def _delivery(seconds: int) -> dict[str, Any]:
    return {"provider": "giftcard-partners", "seconds": seconds, "outcome": "delivered"}
