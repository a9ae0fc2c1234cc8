"""The latency that users see: how soon a conversion is answered, its first card is ordered and its
last card is delivered, while friends convert at a steady pace."""

from __future__ import annotations

import asyncio
from datetime import datetime
from statistics import quantiles

import asyncpg

from bench.speed.engine import Engine
from bench.speed.steady import Friend, Steady, clock_events, look_up

PACE = 10.0
"""Friends a second."""
SECONDS = 20.0
REFERRERS = 50
MEASURES = ("answered", "ordered", "completed")


async def at_a_steady_pace(engine: Engine) -> list[Friend]:
    """Run friends at that pace for some time. `ordered`: when the provider recorded the first order
    in its book."""
    database = await asyncpg.connect(engine.stack.urls.database)
    await clock_events(database)
    campaign_id, codes = await engine.codes(REFERRERS)
    steady = Steady(engine, codes, PACE)
    async with steady.running():
        await asyncio.sleep(SECONDS)
    await engine.finished(campaign_id, len(steady.friends))
    await look_up(database, steady.friends)
    await _look_up_orders(engine, database, steady.friends)
    await database.close()
    return steady.friends


def percentile(friends: list[Friend], measure: str, percent: int) -> float:
    """In milliseconds."""
    return 1000 * quantiles([friend.took[measure] for friend in friends], n=100)[percent - 1]


async def _look_up_orders(
    engine: Engine, database: asyncpg.Connection, friends: list[Friend]
) -> None:
    book = await engine.http.get(f"{engine.stack.urls.simulator}/_control/book")
    booked = {card["key"]: _seconds(card["created_at"]) for card in book.json()}
    rows = await database.fetch(
        "SELECT g.referral_id, o.key FROM orders o JOIN grants g ON g.id = o.grant_id "
        "WHERE g.referral_id = ANY($1)",
        [friend.referral_id for friend in friends],
    )
    first = dict[str, float]()
    for row in rows:
        at = booked[row["key"]]
        first[row["referral_id"]] = min(at, first.get(row["referral_id"], at))
    for friend in friends:
        friend.took["ordered"] = first[friend.referral_id] - friend.sent


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
