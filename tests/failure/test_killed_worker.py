"""`kill -9` of the worker in the middle of 50 referrals, at the three worst moments of an order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import asyncpg
import pytest

from cli.stack.stack import Stack
from tests.failure.judge import Judge

DROPPED = {"provider": "giftcard-partners", "seed": 7, "rates": {"drop_after": 0.2}}


async def _hold(judge: Judge, point: str | None) -> None:
    # Every request, not the first few: those may be given up before all friends have converted.
    await judge.control("PUT", "/hold", {"provider": "giftcard-partners", "point": point})


async def _convert(judge: Judge, code: str, friends: int) -> None:
    await asyncio.gather(*(judge.engine.convert(code) for _ in range(friends)))


async def _until_held(judge: Judge) -> None:
    async def held() -> bool:
        return bool((await judge.control("GET", "/hold"))["holding"] >= 2)

    await judge.eventually(held, "the simulator holds requests", seconds=300)


@pytest.mark.timeout(900)
async def test_fifty_referrals_complete_with_exactly_one_card_for_each_grant(
    stack: Stack, judge: Judge, figure: Callable[[str], None]
) -> None:
    campaign_id, code = await judge.engine.code()
    await judge.control("PUT", "/faults", DROPPED)
    for point, friends in (("received", 17), ("committed", 17)):
        await _hold(judge, point)
        await _convert(judge, code, friends)
        await _until_held(judge)
        stack.kill("worker", signal.SIGKILL)
        await _hold(judge, None)
    await _answered_but_unrecorded(stack, judge, code, 16)

    async def completed() -> bool:
        return bool((await judge.referrals(campaign_id, status="completed"))["total"] == 50)

    await judge.eventually(completed, "50 referrals completed", seconds=300)
    grants = await judge.grants(campaign_id)
    stats = await judge.control("GET", "/stats")
    figure(f"3 kills; the provider's own count: {stats.get('giftcard-partners', stats)}")
    assert len(grants) == 100
    await judge.one_card_for_each(grants)
    assert len(await judge.book()) == 100


async def _answered_but_unrecorded(stack: Stack, judge: Judge, code: str, friends: int) -> None:
    """Let the answers reach the worker while a lock keeps it from writing them down; then kill."""
    await _hold(judge, "committed")
    await _convert(judge, code, friends)
    await _until_held(judge)
    blocker = await asyncpg.connect(stack.urls.database)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            await _hold(judge, None)
            await asyncio.sleep(0.7)
            stack.kill("worker", signal.SIGKILL)
            await asyncio.sleep(0.3)
    finally:
        await blocker.close()
