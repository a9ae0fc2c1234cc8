"""Waiting until nothing happens any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bench.proofs.chaos.outside import OPEN, Outside

_TWICE = 3
"""Seconds that all must be at rest. The statuses are counted one after the other: a referral that
is just being tried again is met in neither of two."""


async def rest(
    outside: Outside,
    say: Callable[[str], None],
    *,
    open_ones: int = 0,
    still: float = 90,
    settle: float = 200,
) -> bool:
    """Wait until no more than `open_ones` referrals are open. True when it came to that; False
    when for `still` seconds nothing moved. In the end, what is parked gets `settle` seconds
    without a change: some causes pass by themselves once the faults have ended."""
    seen: tuple[int, ...] = ()
    since = time.monotonic()
    while True:
        counts = tuple([await outside.total(status) for status in (*OPEN, "needs_attention")])
        if counts != seen:
            seen, since = counts, time.monotonic()
            say(f"waiting for rest: {sum(counts[:-1])} open, {counts[-1]} parked")
        quiet, parked = time.monotonic() - since, counts[-1]
        if sum(counts[:-1]) > open_ones:
            if quiet > still:
                return False
        elif open_ones or quiet > (settle if parked else _TWICE):
            return True
        await asyncio.sleep(1.0)
