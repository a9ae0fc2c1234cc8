"""No two requests of one process leave closer together than the rate limit allows."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from providers.outcomes import RateLimited
from providers.turns import Turns


async def test_they_are_spaced_however_many_ask_at_once() -> None:
    turns, left = Turns(per_second=20), []

    async def request() -> None:
        await turns.take(10)
        left.append(time.monotonic())

    await asyncio.gather(*(request() for _ in range(6)))
    gaps = [later - sooner for sooner, later in pairwise(left)]
    assert min(gaps) >= 0.049


async def test_the_first_does_not_wait() -> None:
    began = time.monotonic()
    await Turns(per_second=0.001).take(0)
    assert time.monotonic() - began < 1


async def test_a_long_wait_is_refused_at_once_and_says_how_long() -> None:
    turns = Turns(per_second=0.1)
    await turns.take(0)
    with pytest.raises(RateLimited) as refused:
        await turns.take(5)
    assert refused.value.retry_after is not None
    assert 10 < refused.value.retry_after.total_seconds() <= 11


async def test_one_that_is_cancelled_while_it_waits_holds_nobody_up() -> None:
    turns = Turns(per_second=10)
    await turns.take(0)
    waiting = asyncio.create_task(turns.take(5))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    began = time.monotonic()
    await turns.take(5)
    assert time.monotonic() - began < 0.5
