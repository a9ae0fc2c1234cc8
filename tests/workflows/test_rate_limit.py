"""A provider that allows one request a second is asked no faster, whatever an activity takes."""

from __future__ import annotations

import asyncio

from tests.auditing import assert_books_agree
from tests.builders import gift_card
from tests.workflows.stage import Stage
from tests.workflows.standings import single

PROVIDERS = ["tango"]
"""With the rate limit that its documents give, and its settings' default: 1 a second."""
LONGEST_DELAY = 20.0
"""A first look after ten seconds: by then all are ordered, and the looks come together."""
ORDERS = 5


async def test_a_crowd_of_orders_meets_no_429(stage: Stage) -> None:
    await stage.simulator.put("rate", provider="tango", per_second=1)
    card = single(gift_card(provider="tango", product_id="U000001"))
    cases = await asyncio.gather(*(stage.converted(card) for _ in range(ORDERS)))
    ends = await asyncio.gather(*(case.result(120) for case in cases))
    assert ends == ["completed"] * ORDERS
    counted = await stage.simulator.stats("tango")
    assert counted["created"] == ORDERS
    # One that was held up on its way may come too soon after the next.
    assert counted["rate_limited"] <= 1
    await assert_books_agree(stage.database)
