"""Workers down, Temporal down: the API goes on accepting, and nothing that it accepted is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from statistics import median

from cli.stack.stack import Stack
from tests.failure.judge import Judge


async def _timed(judge: Judge, code: str, calls: int) -> float:
    """Convert friends one after the other; the median answer, in seconds."""
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        await judge.engine.convert(code)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


async def _all_completed(judge: Judge, campaign_id: str, calls: int) -> bool:
    return (await judge.referrals(campaign_id, status="completed"))["total"] == calls


async def test_with_every_worker_stopped_events_are_answered_as_fast_and_complete_later(
    stack: Stack, judge: Judge, figure: Callable[[str], None]
) -> None:
    campaign_id, code = await judge.engine.code()
    usual = await _timed(judge, code, 10)
    stack.stop("worker")
    try:
        stopped = await _timed(judge, code, 10)
        listed = await judge.referrals(campaign_id)
    finally:
        stack.start("worker")
    figure(
        f"POST /v1/events: {usual * 1000:.1f} ms usually, {stopped * 1000:.1f} ms without workers"
    )
    assert listed["total"] == 20
    assert stopped < 3 * usual + 0.02
    await judge.eventually(lambda: _all_completed(judge, campaign_id, 20), "20 completed")
    await judge.one_card_for_each(await judge.grants(campaign_id))


async def test_with_temporal_killed_events_are_answered_and_the_redrive_delivers_them(
    stack: Stack, judge: Judge, figure: Callable[[str], None]
) -> None:
    campaign_id, code = await judge.engine.code()
    stack.stop("temporal", signal.SIGKILL)
    try:
        answered = await _timed(judge, code, 10)
        listed = await judge.referrals(campaign_id)
    finally:
        stack.start("temporal")
    figure(f"POST /v1/events: {answered * 1000:.1f} ms with Temporal killed")
    assert listed["total"] == 10
    assert {referral["status"] for referral in listed["data"]} == {"converted"}
    await judge.eventually(lambda: _all_completed(judge, campaign_id, 10), "10 completed")
    await judge.one_card_for_each(await judge.grants(campaign_id))


async def test_an_api_killed_behind_its_commit_loses_nothing(stack: Stack, judge: Judge) -> None:
    campaign_id, code = await judge.engine.code()
    for _ in range(5):
        await judge.engine.convert(code)
    stack.kill("api", signal.SIGKILL)
    await judge.eventually(
        lambda: _all_completed(judge, campaign_id, 5), "the API is back, and 5 completed"
    )
