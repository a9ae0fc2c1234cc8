"""A person who is erased leaves no workflow open that waits for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.campaigns import CampaignTerms, Review
from store.customers.erase import erase
from store.outbox.messages import redrive
from tests.auditing import assert_books_agree
from tests.builders import budget, every_friend, gift_card, many_friends, points, terms
from tests.workflows.stage import Stage

BUDGET = budget(600_00)
TIERS = (every_friend(gift_card()), many_friends(1, points(20)))
WAITING: dict[str, CampaignTerms] = {
    "on_hold": terms(*TIERS, referee_reward=None, hold=timedelta(days=30), limits=BUDGET),
    "in_review": terms(*TIERS, referee_reward=None, review=Review.ALL, limits=BUDGET),
}


@pytest.mark.parametrize("status", WAITING)
async def test_an_erased_referrer_s_open_grants_end(stage: Stage, status: str) -> None:
    """A milestone as well, which no reversal of this friend's would concern."""
    case = await stage.converted(WAITING[status])
    await case.reaches(status)
    await _erase(stage, case.referrer_id)
    assert await case.result() == "completed"
    assert {grant.status for grant in await case.grants()} == {"cancelled"}
    assert (await case.referral()).status == "completed"
    await assert_books_agree(stage.database)


async def test_parked_grants_of_the_erased_end_and_the_friend_s_reward_stays(stage: Stage) -> None:
    await stage.simulator.funds(0)
    case = await stage.converted(terms(every_friend(gift_card()), referee_reward=points(5)))
    await case.parked("insufficient_funds")
    await _erase(stage, case.referrer_id)
    assert await case.result() == "completed"
    assert {grant.role: grant.status for grant in await case.grants()} == {
        "referrer": "cancelled",
        "referee": "delivered",
    }
    assert await case.cards() == []


async def test_a_lost_message_is_sent_by_the_redrive(stage: Stage) -> None:
    case = await stage.converted(WAITING["in_review"])
    await case.reaches("in_review")
    async with stage.database.transaction() as tx:
        await erase(tx, case.referrer_id)
    await redrive(stage.database, stage.client, older_than=timedelta(0))
    assert await case.result() == "completed"


async def _erase(stage: Stage, customer_id: str) -> None:
    async with stage.database.transaction() as tx:
        erased = await erase(tx, customer_id)
    await stage.send(erased.intake)
