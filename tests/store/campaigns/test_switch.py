"""A disabled campaign is a pause, and a disabled code stops what it brought, in the open."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.messages import Next
from domain.referrals import Pause
from domain.refusals import CannotCount
from store.campaigns import switch
from store.codes import coupons
from store.customers.erase import erase
from store.database import Database
from store.ledger.reports import late
from store.qualification import qualify as qualification
from store.referrals import pauses
from store.reversals.carry_out import carry_out
from store.reversals.request import request_reversal
from store.staff import cancel as grants
from store.tables import Budget, Campaign, Event, Grant, Intake, Referral
from tests.auditing import assert_books_agree
from tests.builders import (
    Programme,
    add_customer,
    add_programme,
    alter,
    budget,
    convert,
    credits,
    every_friend,
    gift_card,
    in_past,
    one,
    points,
    redemption_terms,
    rows,
    set_active,
    sign_up,
    start_of,
    terms,
)
from tests.ordering import attempt
from tests.proofs.deeds_of_codes import redeem


async def set_code(database: Database, code: str, **asked: Any) -> switch.Switched:
    async with database.transaction() as tx:
        return await switch.set_code_active(tx, code, actor="app_test", **asked)


async def set_campaign(database: Database, campaign_id: str, **asked: Any) -> switch.Switched:
    async with database.transaction() as tx:
        return await switch.set_active(tx, campaign_id, actor="app_test", **asked)


async def end(database: Database, campaign_id: str, *, judge: bool) -> switch.Switched:
    async with database.transaction() as tx:
        return await switch.end(tx, campaign_id, judge=judge, actor="app_test")


async def held(database: Database, **changes: Any) -> tuple[Programme, Referral]:
    """A friend who waited when the campaign was disabled, and has bought since."""
    programme = await add_programme(database, **changes)
    waiting = await sign_up(database, programme.code)
    await set_active(database, programme.campaign_id, active=False)
    await convert(database, None, waiting.referee_id)
    return programme, await one(database, Referral)


async def judge(database: Database, referral: Referral) -> str | None:
    """What qualification says: what holds it, else how the referral stands after it."""
    decision = await qualification.qualify(database, start_of(referral))
    return decision.paused or (await one(database, Referral, id=referral.id)).status


class TestHeld:
    async def test_a_held_conversion_earns_nothing(self, database: Database) -> None:
        _, referral = await held(database)
        assert await judge(database, referral) == Pause.CAMPAIGN_PAUSED
        assert await rows(database, Grant) == []
        told = [event.type for event in await rows(database, Event, referral_id=referral.id)]
        assert told == ["referral.attributed", "referral.converted", "referral.held"]

    async def test_enabling_lets_it_be_judged_by_the_time_it_was_received(
        self, database: Database
    ) -> None:
        programme, referral = await held(database)
        await alter(database, referral, expires_at=in_past(hours=1), converted_at=in_past(hours=2))
        switched = await set_campaign(database, programme.campaign_id, active=True)
        assert [message.start.referral_id for message in switched.intake] == [referral.id]
        assert await judge(database, referral) == "fulfilling"
        await assert_books_agree(database)

    async def test_a_repeat_of_the_event_stays_held(self, database: Database) -> None:
        _, referral = await held(database)
        again = await convert(database, None, referral.referee_id)
        assert again.repeat
        assert await judge(database, referral) == Pause.CAMPAIGN_PAUSED

    async def test_a_conversion_received_before_the_pause_is_judged(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        referral = (await convert(database, programme.code)).referrals[0]
        await set_active(database, programme.campaign_id, active=False)
        assert await judge(database, referral) == "fulfilling"

    async def test_new_friends_are_refused(self, database: Database) -> None:
        programme, _ = await held(database)
        for refused in (convert(database, programme.code), sign_up(database, programme.code)):
            with pytest.raises(CannotCount) as refusal:
                await refused
            assert refusal.value.key == "campaign_not_live"

    @pytest.mark.parametrize("of", [terms(), redemption_terms()], ids=["event", "redemption"])
    async def test_no_discount_is_given(self, database: Database, of: Any) -> None:
        programme = await add_programme(database, of)
        waiting = await sign_up(database, programme.code)
        await set_active(database, programme.campaign_id, active=False)
        await redeem(database, programme.code, waiting.referee_id, "order-1")
        assert (await one(database, Referral)).status == "waiting"

    async def test_a_refund_ends_it(self, database: Database) -> None:
        _, referral = await held(database)
        async with database.transaction() as tx:
            await request_reversal(tx, referral.id, None, "returned", "refund-1")
        async with database.transaction() as tx:
            assert (await carry_out(tx, referral.id)).ended
        assert await judge(database, referral) == "rejected"

    async def test_erasing_the_friend_ends_it(self, database: Database) -> None:
        _, referral = await held(database)
        async with database.transaction() as tx:
            erased = await erase(tx, referral.referee_id)
        assert [message.start.referral_id for message in erased.intake] == [referral.id]
        assert await judge(database, referral) == "rejected"

    async def test_a_conversion_held_for_thirty_days_needs_attention_and_can_still_continue(
        self, database: Database
    ) -> None:
        programme, referral = await held(database)
        await alter(database, referral, converted_at=in_past(days=31))
        async with database.reading() as session:
            (overdue,) = [row async for row in late(session, in_past(hours=1))]
        assert (overdue["id"], overdue["unblocked_by"]) == (
            referral.id,
            "Enable the campaign, or end it.",
        )
        for _ in range(2):
            async with database.transaction() as tx:
                await pauses.attend(tx, start_of(referral))
        assert (await one(database, Referral)).status == "needs_attention"
        assert len(await rows(database, Event, type="referral.needs_attention")) == 1
        assert await judge(database, referral) == Pause.CAMPAIGN_PAUSED
        await set_active(database, programme.campaign_id, active=True)
        assert await judge(database, referral) == "fulfilling"

    async def test_one_that_is_enabled_in_the_same_moment_is_never_left_behind(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(referee_reward=points()))
        outcomes = set()
        for round_ in range(12):
            waiting = await sign_up(database, programme.code)
            await set_active(database, programme.campaign_id, active=False)
            ways = [
                convert(database, None, waiting.referee_id),
                set_active(database, programme.campaign_id, active=True),
            ]
            await asyncio.gather(*(ways if round_ % 2 else reversed(ways)))
            outcomes.add(await judge(database, waiting))
        assert outcomes == {"fulfilling"}


class TestCodes:
    async def waiting(self, database: Database) -> tuple[Programme, Referral]:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await set_code(database, programme.code, active=False)
        return programme, waiting

    @pytest.mark.parametrize("named", [True, False], ids=["with the code", "without it"])
    async def test_a_disabled_code_holds_its_waiting_friends_conversions(
        self, database: Database, named: bool
    ) -> None:
        programme, waiting = await self.waiting(database)
        await convert(database, programme.code if named else None, waiting.referee_id)
        assert await judge(database, waiting) == Pause.CODE_DISABLED
        assert (await one(database, Referral)).reason == "code_disabled"

    async def test_enabling_it_lets_them_be_judged(self, database: Database) -> None:
        programme, waiting = await self.waiting(database)
        await convert(database, None, waiting.referee_id)
        await set_code(database, programme.code, active=True)
        assert await judge(database, waiting) == "fulfilling"

    async def test_rejecting_what_it_holds_ends_them(self, database: Database) -> None:
        programme, waiting = await self.waiting(database)
        await convert(database, None, waiting.referee_id)
        switched = await set_code(database, programme.code, active=False, reject_held=True)
        assert len(switched.intake) == 1
        assert await judge(database, waiting) == "rejected"
        assert "the referral code was disabled" in ((await one(database, Referral)).reason or "")

    async def test_a_friend_stays_held_by_the_code_when_the_campaign_is_enabled(
        self, database: Database
    ) -> None:
        programme, waiting = await self.waiting(database)
        await set_active(database, programme.campaign_id, active=False)
        await convert(database, None, waiting.referee_id)
        assert await judge(database, waiting) == Pause.CAMPAIGN_PAUSED
        await set_active(database, programme.campaign_id, active=True)
        assert await judge(database, waiting) == Pause.CODE_DISABLED

    async def test_both_enabled_at_once_leave_nobody_to_each_other(
        self, database: Database
    ) -> None:
        programme, waiting = await self.waiting(database)
        await set_active(database, programme.campaign_id, active=False)
        await convert(database, None, waiting.referee_id)
        await asyncio.gather(
            set_active(database, programme.campaign_id, active=True),
            set_code(database, programme.code, active=True),
        )
        assert await judge(database, waiting) == "fulfilling"


class TestEnding:
    async def test_held_conversions_are_judged_where_the_manager_says_so(
        self, database: Database
    ) -> None:
        programme, referral = await held(database)
        await end(database, programme.campaign_id, judge=True)
        assert await judge(database, referral) == "fulfilling"
        with pytest.raises(CannotCount, match="ended"):
            await sign_up(database, programme.code)

    async def test_held_conversions_are_rejected_where_the_manager_says_so(
        self, database: Database
    ) -> None:
        programme, referral = await held(database)
        await end(database, programme.campaign_id, judge=False)
        assert await judge(database, referral) == "rejected"
        assert await rows(database, Grant) == []

    async def test_waiting_referrals_keep_their_window(self, database: Database) -> None:
        programme, _ = await held(database)
        waiting = await add_customer(database)
        await set_active(database, programme.campaign_id, active=True)
        later = await sign_up(database, programme.code, waiting)
        await set_active(database, programme.campaign_id, active=False)
        await end(database, programme.campaign_id, judge=False)
        await convert(database, None, waiting)
        assert await judge(database, later) == "fulfilling"

    async def test_an_end_that_has_passed_stays(self, database: Database) -> None:
        programme = await add_programme(database)
        await alter(database, await one(database, Campaign), expiration_date=in_past(days=1))
        await end(database, programme.campaign_id, judge=True)
        campaign = await one(database, Campaign)
        assert campaign.expiration_date is not None
        assert campaign.expiration_date < in_past(hours=1)


STOPPABLE = {"hold": timedelta(days=14), "limits": budget(100_00), "referee_reward": None}


class TestStoppedRewards:
    async def granted(self, database: Database, reward: Any) -> tuple[Programme, Grant]:
        programme = await add_programme(database, terms(every_friend(reward), **STOPPABLE))
        referral = (await convert(database, programme.code)).referrals[0]
        await judge(database, referral)
        return programme, await one(database, Grant)

    async def give(self, database: Database, grant: Grant) -> Next:
        async with database.transaction() as tx:
            return (await grants.credit_wallet(tx, grant.id)).next

    async def test_finish_is_what_happens_unless_told_otherwise(self, database: Database) -> None:
        programme, grant = await self.granted(database, credits())
        await set_active(database, programme.campaign_id, active=False)
        assert await self.give(database, grant) is Next.REST
        assert (await one(database, Grant)).status == "delivered"

    @pytest.mark.parametrize("by", ["campaign", "code"])
    async def test_stopped_it_is_parked_and_goes_on_when_enabled(
        self, database: Database, by: str
    ) -> None:
        programme, grant = await self.granted(database, credits())
        turn, ref, attention = {
            "campaign": (set_campaign, programme.campaign_id, "campaign_paused"),
            "code": (set_code, programme.code, "code_disabled"),
        }[by]
        await turn(database, ref, active=False, stop=True)
        assert await self.give(database, grant) is Next.ATTEND
        parked = await one(database, Grant)
        assert (parked.status, parked.attention) == ("needs_attention", attention)
        assert (await turn(database, ref, active=True)).intake
        async with database.transaction() as tx:
            assert (await carry_out(tx, grant.referral_id)).resumed == [grant.id]
        assert await self.give(database, grant) is Next.REST
        assert (await one(database, Grant)).status == "delivered"
        await assert_books_agree(database)

    async def test_a_card_is_not_ordered(self, database: Database) -> None:
        programme, grant = await self.granted(database, gift_card())
        await set_campaign(database, programme.campaign_id, active=False, stop=True)
        with pytest.raises(AssertionError):
            await attempt(database, grant.id)
        assert (await one(database, Grant)).attention == "campaign_paused"

    async def test_a_coupon_is_not_minted(self, database: Database) -> None:
        programme, grant = await self.granted(database, credits())
        await set_campaign(database, programme.campaign_id, active=False, stop=True)
        async with database.transaction() as tx:
            assert (await coupons.give(tx, grant.id)).next is Next.ATTEND

    async def test_told_later_to_finish_it_goes_on_though_still_disabled(
        self, database: Database
    ) -> None:
        programme, grant = await self.granted(database, credits())
        await set_campaign(database, programme.campaign_id, active=False, stop=True)
        await self.give(database, grant)
        switched = await set_campaign(database, programme.campaign_id, active=False, stop=False)
        assert len(switched.intake) == 1
        assert await self.give(database, grant) is Next.REST

    async def test_ending_with_rejection_cancels_what_was_stopped(self, database: Database) -> None:
        programme, _ = await self.granted(database, credits())
        await set_campaign(database, programme.campaign_id, active=False, stop=True)
        await end(database, programme.campaign_id, judge=False)
        assert (await one(database, Grant)).status == "cancelled"
        assert (await one(database, Budget)).reserved == 0
        assert (await one(database, Referral)).status == "completed"
        await assert_books_agree(database)

    async def test_a_disabled_code_that_rejects_cancels_only_its_own(
        self, database: Database
    ) -> None:
        programme, grant = await self.granted(database, credits())
        await set_code(database, programme.code, active=False, stop=True, reject_held=True)
        assert (await one(database, Grant, id=grant.id)).status == "cancelled"

    async def test_stopping_twice_changes_nothing(self, database: Database) -> None:
        programme, _ = await self.granted(database, credits())
        await set_active(database, programme.campaign_id, active=False)
        before = len(await rows(database, Event)), len(await rows(database, Intake))
        await set_active(database, programme.campaign_id, active=False)
        assert before == (len(await rows(database, Event)), len(await rows(database, Intake)))
