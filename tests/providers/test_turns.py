"""No two requests of one process leave closer together than the rate limit allows."""

from __future__ import annotations

import asyncio
import time

import pytest

from providers.client import Turns
from providers.outcomes import RateLimited


async def test_concurrent_requests_are_spaced() -> None:
    turns, left, began = Turns(per_second=20), [], time.monotonic()

    async def request() -> None:
        await turns.take(10)
        left.append(time.monotonic())

    await asyncio.gather(*(request() for _ in range(6)))
    # Each in its turn or later: on a busy machine one may be late and the next in time.
    assert all(at - began >= turn * 0.05 - 0.001 for turn, at in enumerate(sorted(left)))


async def test_the_first_does_not_wait() -> None:
    await Turns(per_second=0.001).take(0)  # refused if it had to wait


async def test_a_long_wait_is_refused_at_once_and_says_how_long() -> None:
    turns = Turns(per_second=0.1)
    await turns.take(0)
    with pytest.raises(RateLimited) as refused:
        await turns.take(5)
    assert refused.value.retry_after is not None
    assert 10 < refused.value.retry_after.total_seconds() <= 11


async def test_one_that_is_cancelled_while_it_waits_holds_nobody_up() -> None:
    turns = Turns(per_second=5)
    await turns.take(0)
    waiting = asyncio.create_task(turns.take(5))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await turns.take(0.3)  # refused if the cancelled one's turn came before
