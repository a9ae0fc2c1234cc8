"""Other lanes never notice: one provider has no funds, another refuses our credentials, and a third
one's referrals complete all the same. The stopped ones go on by themselves."""

from __future__ import annotations

import asyncio

from domain.rewards import GiftCard
from store.tables import Lane
from tests.auditing import assert_books_agree
from tests.builders import every_friend, gift_card, rows, terms
from tests.workflows.case import eventually
from tests.workflows.stage import Stage
from tests.workflows.standings import card, single

PROVIDERS = ["giftcard-partners", "tremendous", "runa"]
LONGEST_DELAY = 2.0
"""Also the pause between two probes of a stopped lane."""
PROMPT = 60.0
"""Seconds, on a busy machine; a stopped lane would hold a card for as long as it is stopped."""


def runa_card() -> GiftCard:
    return gift_card(provider="runa", product_id="AMZ-US")


async def lanes(stage: Stage) -> dict[str, str]:
    """Why each stopped lane is stopped."""
    return {lane.provider: lane.attention for lane in await rows(stage.database, Lane)}


async def test_a_third_provider_delivers_while_two_are_stopped(stage: Stage) -> None:
    await stage.simulator.put("funds", provider="giftcard-partners", amount=0)
    await stage.simulator.put("credentials", provider="tremendous", accept=False, status=401)
    unfunded = await asyncio.gather(*(stage.converted(single()) for _ in range(3)))
    refused = await asyncio.gather(*(stage.converted(single(card())) for _ in range(3)))
    for case in unfunded:
        await case.parked("insufficient_funds")
    for case in refused:
        await case.parked("provider_misconfigured")
    stopped = {
        "giftcard-partners": "insufficient_funds",
        "tremendous": "provider_misconfigured",
    }
    assert await lanes(stage) == stopped

    others = [await stage.converted(single(runa_card())) for _ in range(3)]
    assert [await case.result(PROMPT) for case in others] == ["completed"] * 3
    for case in others:
        assert "grant.insufficient_funds" not in await case.events()
    # Nor do they open what they did not stop.
    assert await lanes(stage) == stopped

    await stage.simulator.put("funds", provider="giftcard-partners", amount=1_000_00)
    assert [await case.result() for case in unfunded] == ["completed"] * 3
    assert await lanes(stage) == {"tremendous": "provider_misconfigured"}
    await stage.simulator.put("credentials", provider="tremendous", accept=True)
    assert [await case.result() for case in refused] == ["completed"] * 3
    assert await lanes(stage) == {}
    for case in (*unfunded, *refused, *others):
        assert len(await case.cards()) == 1
        assert await case.events(source="staff") == []
    await assert_books_agree(stage.database)


async def test_one_referral_may_have_a_stopped_reward_and_a_delivered_one(stage: Stage) -> None:
    """Its two cards are of two providers: the referrer does not wait for the referee's."""
    await stage.simulator.put("funds", provider="giftcard-partners", amount=0)
    case = await stage.converted(terms(every_friend(runa_card()), referee_reward=gift_card()))
    await case.parked("insufficient_funds")

    async def delivered() -> list[str]:
        return [grant.role for grant in await case.grants(status="delivered")]

    assert await eventually(delivered, PROMPT) == ["referrer"]
    await stage.simulator.put("funds", provider="giftcard-partners", amount=1_000_00)
    assert await case.result() == "completed"
    assert [len(await case.grants(status=s)) for s in ("delivered", "needs_attention")] == [2, 0]
    await assert_books_agree(stage.database)
