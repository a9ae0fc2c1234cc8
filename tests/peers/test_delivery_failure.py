"""Peers' defect 7 (Dub): it has no handler for the provider's delivery webhooks, so that the
delivery failure of a gift card is not a state. The card is paid, the person has nothing, and no
screen says so.

Here it is a state with a way out, reached by the provider's webhook or by the poll behind it."""

from __future__ import annotations

import tests.workflows.standings as standings
from tests.auditing import assert_books_agree
from tests.workflows.frontdoor import front_door
from tests.workflows.stage import Stage

PROVIDERS = ["giftcard-partners", "tremendous"]
LONGEST_DELAY = 1.0


async def test_a_card_that_bounces_is_seen_told_and_sent_to_the_right_address(
    stage: Stage,
) -> None:
    case, grant = await standings.bounced(stage)
    async with front_door(stage) as door:
        shown = await door.get(f"/v1/grants/{grant.id}")
        assert (shown["status"], shown["attention"]) == ("needs_attention", "delivery_failed")
        assert shown["order"]["state"] == "issued"
        assert shown["order"]["delivery_state"].startswith("failed")
        assert shown["due_at"] is not None
        assert {each["action"] for each in shown["actions"]} == {"retry", "resend"}
        (found,) = (await door.get(f"/v1/grants?referral_id={case.id}&status=needs_attention"))[
            "data"
        ]
        assert found["id"] == grant.id
        referral = await door.get(f"/v1/referrals/{case.id}")
        assert referral["status"] == "needs_attention"
        answer = await door.post(f"/v1/grants/{grant.id}/resend", email="right@example.com")
        assert answer.status_code == 200, answer.text
        await case.result()
        titles = [e["title"] for e in (await door.get(f"/v1/grants/{grant.id}/timeline"))["data"]]
    assert titles[-1] == "Reward delivered"
    assert "Needs attention: delivery failed" in titles
    # The one card that was paid for has arrived; nothing was ordered again.
    assert len(await case.cards()) == 1
    assert [order.generation for order in await case.orders()] == [1]
    await assert_books_agree(stage.database)


async def test_the_bounce_is_noticed_without_any_webhook(stage: Stage) -> None:
    """A webhook can be lost: the poll finds it too."""
    stage.hooks.keep()
    case, grant = await standings.ordered(stage)
    await stage.simulator.put("delivery", seconds=0, outcome="bounced")
    await case.skip(seconds=30)
    assert (await case.parked("delivery_failed")).id == grant.id
    assert len(await case.cards()) == 1
