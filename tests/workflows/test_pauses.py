"""A pause, as the workflows live through it: conversions are held, stopped rewards are parked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from store.campaigns import switch
from tests.auditing import assert_books_agree
from tests.builders import budget, credits, every_friend, gift_card, terms
from tests.keeping import Keep
from tests.workflows.case import Case
from tests.workflows.stage import Stage


async def turn(stage: Stage, case: Case, *, active: bool, **asked: Any) -> None:
    """Disable or enable the referral's campaign, and tell its workflow."""
    campaign_id = (await case.referral()).campaign_id
    async with stage.database.transaction() as tx:
        switched = await switch.set_active(
            tx, campaign_id, active=active, actor="app_test", **asked
        )
    await stage.send(switched.intake)


async def reject_code(stage: Stage, case: Case) -> None:
    """Disable the referral's code for fraud, and reject what it holds."""
    async with stage.database.transaction() as tx:
        switched = await switch.set_code_active(
            tx, case.code, active=False, actor="app_test", reject_held=True
        )
    await stage.send(switched.intake)


class TestHeldConversion:
    async def test_goes_on_by_itself_when_the_campaign_is_enabled(
        self, stage: Stage, keep: Keep
    ) -> None:
        case = await stage.signed_up(terms())
        await turn(stage, case, active=False)
        await case.convert()
        # Longer than the attribution window, and than staff may leave it alone.
        await case.skip(days=31)
        await case.reaches("needs_attention")
        assert (await case.referral()).reason == "campaign_paused"
        assert await case.cards() == []
        await turn(stage, case, active=True)
        assert await case.result() == "completed"
        assert len(await case.cards()) == 2
        await keep("held_while_paused", case.handle)

    async def test_is_rejected_with_its_code(self, stage: Stage) -> None:
        case = await stage.signed_up(terms())
        async with stage.database.transaction() as tx:
            await switch.set_code_active(tx, case.code, active=False, actor="app_test")
        await case.convert()
        assert (await case.referral()).reason == "code_disabled"
        await reject_code(stage, case)
        assert await case.result() == "rejected"
        assert await case.cards() == []


class TestStoppedReward:
    async def test_is_parked_at_the_end_of_its_hold_and_given_when_enabled(
        self, stage: Stage, keep: Keep
    ) -> None:
        of = terms(
            every_friend(credits()),
            referee_reward=gift_card(),
            hold=timedelta(days=14),
            limits=budget(100_00),
        )
        case = await stage.converted(of)
        await case.reaches("on_hold")
        await turn(stage, case, active=False, stop=True)
        await case.skip(days=15)
        await case.parked("campaign_paused")
        assert await case.cards() == []
        await turn(stage, case, active=True)
        assert await case.result() == "completed"
        assert [grant.status for grant in await case.grants()] == ["delivered"] * 2
        assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)
        await keep("stopped_then_given", case.handle)

    async def test_is_cancelled_where_the_campaign_ends_with_a_rejection(
        self, stage: Stage
    ) -> None:
        case = await stage.converted(terms(hold=timedelta(days=14)))
        await case.reaches("on_hold")
        await turn(stage, case, active=False, stop=True)
        campaign_id = (await case.referral()).campaign_id
        async with stage.database.transaction() as tx:
            switched = await switch.end(tx, campaign_id, judge=False, actor="app_test")
        await stage.send(switched.intake)
        assert await case.result() == "completed"
        assert [grant.status for grant in await case.grants()] == ["cancelled"] * 2
        assert await case.cards() == []
