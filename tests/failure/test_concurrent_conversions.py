"""Many at once over HTTP: the grants are what a sequential reading gives."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from bench.speed.engine import CARD
from tests.failure.judge import Judge


async def _code(judge: Judge) -> tuple[str, str]:
    """A campaign with both criteria, and one published code."""
    name = f"both criteria {uuid4().hex}"
    tiers = [
        {"name": "every friend", "criterion": "each_unique_referee", "reward": CARD},
        {
            "name": "five friends",
            "criterion": "min_unique_referees",
            "threshold": 5,
            "reward": CARD | {"amount": 5000},
        },
        {
            "name": "every fifty",
            "criterion": "min_unique_referees",
            "threshold": 50,
            "repeat": True,
            "reward": {"kind": "loyalty_points", "points": 500},
        },
    ]
    return await judge.engine.code(name=name, tiers=tiers, referee_reward=None)


@pytest.mark.timeout(900)
async def test_200_concurrent_conversions_of_one_code_grant_what_a_sequence_would(
    judge: Judge,
) -> None:
    campaign_id, code = await _code(judge)
    await asyncio.gather(*(judge.engine.convert(code) for _ in range(200)))

    async def decided() -> bool:
        open_ones = [
            (await judge.referrals(campaign_id, status=status))["total"]
            for status in ("waiting", "converted")
        ]
        return sum(open_ones) == 0

    await judge.eventually(decided, "200 conversions judged", seconds=300)
    grants = await judge.grants(campaign_id)
    campaign = (await judge.engine.http.get(f"/v1/campaigns/{campaign_id}")).json()
    names = {tier["id"]: tier["name"] for tier in campaign["referral_program"]["tiers"]}
    by_tier = Counter(names[grant["tier_id"]] for grant in grants)
    assert by_tier == {"every friend": 200, "five friends": 1, "every fifty": 4}
    ordinals = [g["ordinal"] for g in grants if names[g["tier_id"]] == "every friend"]
    assert sorted(ordinals) == list(range(1, 201))


async def test_the_same_event_ten_times_at_once_makes_one_conversion(judge: Judge) -> None:
    campaign_id, code = await judge.engine.code()
    body = {
        "event": "first_purchase",
        "customer": {"source_id": uuid4().hex, "email": "friend@example.com"},
        "referral": {"code": code},
        "metadata": {"event_id": uuid4().hex},
    }
    answers = await asyncio.gather(
        *(judge.engine.http.post("/v1/events", json=body) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["referral"]["id"] for answer in answers}) == 1
    await judge.engine.finished(campaign_id, 1)
    grants = await judge.grants(campaign_id)
    assert len(grants) == 2
    await judge.one_card_for_each(grants)
