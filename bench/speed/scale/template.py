"""Makes the referrals that are copied, over HTTP, in every state that lists show."""

from __future__ import annotations

import asyncio
from typing import Any

from bench.speed.engine import CARD, EVERY_FRIEND, Engine

COMPLETED, WAITING, REDEEMED, HELD, REVERSED = 60, 20, 10, 5, 5
POINTS = {"kind": "loyalty_points", "points": 100}


async def make(engine: Engine) -> int:
    """Make a hundred referrals, finished or waiting; return how many there are."""
    await engine.prepare()
    campaign_id, codes = await engine.codes(20)
    for number in range(COMPLETED):
        await _converted(engine, codes[number % len(codes)], f"friend-{number}")
    for number in range(WAITING):
        body = {"code": codes[number % len(codes)], "customer": person(f"waiting-{number}")}
        await engine.post("/v1/referrals", body)
    await engine.finished(campaign_id, COMPLETED)
    await _redeemed(engine)
    await _held(engine)
    for number in range(REVERSED):
        order = {"order_source_id": f"order-friend-{number}", "reason": "returned"}
        await engine.post("/v1/reversals", order)
    await asyncio.sleep(5)
    return COMPLETED + WAITING + REDEEMED + HELD


def person(name: str) -> dict[str, Any]:
    return {"source_id": name, "name": f"{name.title()} Miller", "email": f"{name}@example.com"}


async def _converted(engine: Engine, code: str, name: str) -> None:
    await engine.post(
        "/v1/events",
        {
            "event": "first_purchase",
            "customer": person(name),
            "referral": {"code": code},
            "metadata": {"event_id": f"event-{name}"},
            "order": {"source_id": f"order-{name}", "amount": 12_000},
        },
    )


async def _redeemed(engine: Engine) -> None:
    code = await _campaign(engine, "redeemed", {"conversion_event_type": "redemption"})
    for number in range(REDEEMED):
        await engine.post(
            "/v1/redemptions",
            {
                "redeemables": [{"object": "voucher", "id": code}],
                "customer": person(f"redeemer-{number}"),
                "order": {"source_id": f"order-redeemer-{number}", "amount": 8_000},
            },
        )


async def _held(engine: Engine) -> None:
    program = {"conversion_event_type": "custom_event", "hold": "P14D"}
    code = await _campaign(
        engine, "held", program | {"custom_event": {"name": "first_purchase"}}, CARD
    )
    for number in range(HELD):
        await _converted(engine, code, f"held-{number}")


async def _campaign(
    engine: Engine, name: str, program: dict[str, Any], reward: dict[str, Any] = POINTS
) -> str:
    own = {"referee_reward": reward, "tiers": [EVERY_FRIEND | {"reward": POINTS}]}
    await engine.post("/v1/campaigns", {"name": name, "referral_program": program | own})
    owner = {"campaign": {"name": name}, "customer": person(f"referrer-{name}")}
    published = await engine.post("/v1/publications", owner)
    return str(published["voucher"]["code"])
