"""Qualification, one conversion at a time: verdicts, grants, holds, limits, repeats, expiry."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.campaigns import Limits
from domain.grants import REFEREE_REASON, GrantStatus
from domain.ids import digest
from domain.messages import Decision
from domain.referrals import ReferralStatus
from store.database import Database
from store.qualification import qualify as qualification
from store.referrals.expire import expire
from store.tables import Budget, Event, Grant, LedgerEntry, Referral, ReferrerProgress
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    add_campaign,
    add_code,
    add_customer,
    add_programme,
    alter,
    budget,
    convert,
    credits,
    every_friend,
    gift_card,
    in_past,
    many_friends,
    one,
    points,
    qualify,
    rows,
    set_active,
    sign_up,
    start_of,
    terms,
)


async def verdict(database: Database, check: str) -> dict[str, object]:
    """That check's verdict on the newest referral."""
    referral = (await rows(database, Referral))[-1]
    (found,) = [verdict for verdict in referral.verdicts if verdict["check"] == check]
    return found


class TestGrants:
    async def test_both_sides_are_granted_what_the_terms_promise(self, database: Database) -> None:
        of = terms(every_friend(points(500)), referee_reward=gift_card(25_00))
        programme = await add_programme(database, of)
        decision = await qualify(database, programme.code)
        referee, referrer = [
            await one(database, Grant, id=task.grant_id) for task in decision.grants
        ]
        assert (referee.role, referee.reason, referee.ordinal) == ("referee", REFEREE_REASON, 1)
        assert (referee.amount, referee.currency) == (25_00, "USD")
        assert (referrer.role, referrer.reason, referrer.ordinal) == ("referrer", "tier_every", 1)
        assert (referrer.amount, referrer.currency) == (500, None)
        assert referrer.recipient_id == programme.referrer_id

    async def test_each_task_names_its_provider_or_none(self, database: Database) -> None:
        of = terms(every_friend(credits()), referee_reward=gift_card())
        programme = await add_programme(database, of)
        decision = await qualify(database, programme.code)
        assert [task.provider for task in decision.grants] == ["giftcard-partners", None]

    async def test_a_single_sided_campaign_grants_the_referrer_alone(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(referee_reward=None))
        await qualify(database, programme.code)
        assert (await one(database, Grant)).role == "referrer"

    async def test_a_conversion_that_earns_nothing_completes_at_once(
        self, database: Database
    ) -> None:
        of = terms(many_friends(5), referee_reward=None)
        programme = await add_programme(database, of)
        decision = await qualify(database, programme.code)
        assert decision == Decision(qualified=True, grants=[])
        referral = await one(database, Referral)
        assert (referral.status, referral.ordinal) == (ReferralStatus.COMPLETED, 1)

    async def test_the_fifth_friend_reaches_the_milestone_beside_the_friends_own_grant(
        self, database: Database
    ) -> None:
        of = terms(every_friend(), many_friends(5), referee_reward=None)
        programme = await add_programme(database, of)
        decisions = [await qualify(database, programme.code) for _ in range(6)]
        assert [len(decision.grants) for decision in decisions] == [1, 1, 1, 1, 2, 1]
        milestone = await one(database, Grant, reason="tier_many")
        assert (milestone.ordinal, milestone.friends_counted) == (1, 5)

    async def test_every_grant_leaves_its_event_and_its_reservation(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        decision = await qualify(database, programme.code)
        granted = {task.grant_id for task in decision.grants}
        assert {e.grant_id for e in await rows(database, Event, type="grant.created")} == granted
        assert {e.subject for e in await rows(database, LedgerEntry, kind="reserve")} == granted
        await assert_books_agree(database)

    async def test_the_terms_of_the_grant_are_frozen_with_it(self, database: Database) -> None:
        programme = await add_programme(database, terms(referee_reward=gift_card(25_00)))
        await qualify(database, programme.code)
        grant = await one(database, Grant, role="referee")
        assert grant.reward == gift_card(25_00).model_dump(mode="json")


class TestHold:
    async def test_grants_are_held_from_the_conversion_on(self, database: Database) -> None:
        programme = await add_programme(database, terms(hold=timedelta(days=14)))
        decision = await qualify(database, programme.code)
        referral = await one(database, Referral)
        assert referral.converted_at is not None
        due = referral.converted_at + timedelta(days=14)
        assert {task.hold_until for task in decision.grants} == {due}
        assert {grant.status for grant in await rows(database, Grant)} == {GrantStatus.HELD}
        assert referral.status == ReferralStatus.ON_HOLD


class TestVerdicts:
    async def test_a_conversion_accepted_before_the_campaign_was_disabled_counts(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        converted = await convert(database, programme.code)
        await set_active(database, programme.campaign_id, active=False)
        assert (await qualification.qualify(database, start_of(converted.referrals[0]))).qualified

    async def test_each_check_is_stored_with_its_numbers_also_when_it_passes(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(limits=budget(100_00)))
        await qualify(database, programme.code)
        referral = await one(database, Referral)
        assert [v["check"] for v in referral.verdicts] == [
            "own_code",
            "campaign_live",
            "attribution_window",
            "grants_per_referrer",
            "same_email",
            "budget",
        ]
        assert all(v["passed"] and v["detail"] for v in referral.verdicts)
        numbers = {"needed": 30_00, "limit": 100_00, "currency": "USD"}
        assert (await verdict(database, "budget"))["numbers"] == numbers

    async def test_a_conversion_outside_its_window_is_rejected(self, database: Database) -> None:
        programme = await add_programme(database)
        converted = await convert(database, programme.code)
        referral = converted.referrals[0]
        await alter(database, referral, expires_at=in_past(hours=1))
        decision = await qualification.qualify(database, start_of(referral))
        assert decision == Decision(qualified=False)
        referral = await one(database, Referral)
        assert referral.status == ReferralStatus.REJECTED
        assert referral.reason == "The event came after the attribution window."
        assert await rows(database, Grant) == []

    async def test_a_rejected_friend_is_not_counted(self, database: Database) -> None:
        programme = await add_programme(database)
        referral = (await convert(database, programme.code)).referrals[0]
        await alter(database, referral, expires_at=in_past(hours=1))
        await qualification.qualify(database, start_of(referral))
        await qualify(database, programme.code)
        assert (await rows(database, Referral))[-1].ordinal == 1


class TestGrantsPerReferrer:
    async def test_the_conversion_that_would_pass_the_limit_is_rejected_whole(
        self, database: Database
    ) -> None:
        of = terms(limits=Limits(grants_per_referrer=2))
        programme = await add_programme(database, of)
        late = await sign_up(database, programme.code)
        decisions = [
            await qualify(database, programme.code, friend)
            for friend in (None, None, late.referee_id)
        ]
        assert [decision.qualified for decision in decisions] == [True, True, False]
        assert len(await rows(database, Grant, role="referee")) == 2
        rejected = await one(database, Referral, id=late.id)
        (found,) = [one for one in rejected.verdicts if one["check"] == "grants_per_referrer"]
        assert found["numbers"] == {
            "limit": 2,
            "already": 2,
            "after": 3,
        }

    async def test_the_limit_holds_for_each_referrer_alone(self, database: Database) -> None:
        of = terms(limits=Limits(grants_per_referrer=1))
        for programme in [await add_programme(database, of) for _ in range(2)]:
            assert (await qualify(database, programme.code)).qualified


class TestBudget:
    async def test_a_grant_that_uses_the_budget_to_the_cent_is_created(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(limits=budget(60_00)))
        waiting = [await sign_up(database, programme.code) for _ in range(3)]
        qualified = [
            (await qualify(database, programme.code, friend.referee_id)).qualified
            for friend in waiting
        ]
        assert qualified == [True, True, False]
        counter = await one(database, Budget)
        assert (counter.reserved, counter.committed) == (60_00, 0)
        await assert_books_agree(database)

    async def test_a_conversion_that_does_not_fit_leaves_a_verdict_and_nothing_else(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(limits=budget(59_99)))
        waiting = [await sign_up(database, programme.code) for _ in range(2)]
        for friend in waiting:
            await qualify(database, programme.code, friend.referee_id)
        rejected = (await rows(database, Referral, status="rejected"))[0]
        assert rejected.ordinal is None
        assert (await verdict(database, "budget"))["numbers"] == {
            "needed": 30_00,
            "limit": 59_99,
            "currency": "USD",
            "left": 29_99,
        }
        assert await rows(database, Grant, referral_id=rejected.id) == []
        told = [e.type for e in await rows(database, Event, referral_id=rejected.id)]
        assert told == ["referral.attributed", "referral.converted", "referral.rejected"]
        progress = await one(database, ReferrerProgress)
        assert (progress.unique_referees, progress.grants) == (1, 1)
        await assert_books_agree(database)

    async def test_a_smaller_conversion_after_a_rejected_milestone_still_fits(
        self, database: Database
    ) -> None:
        of = terms(
            every_friend(points()),
            many_friends(2, gift_card(50_00)),
            referee_reward=gift_card(10_00),
            limits=budget(65_00),
        )
        programme = await add_programme(database, of)
        other = await add_code(database, programme.campaign_id, await add_customer(database))
        codes = [programme.code, programme.code, other]
        qualified = [(await qualify(database, code)).qualified for code in codes]
        assert qualified == [True, False, True]
        assert (await one(database, Budget)).reserved == 20_00
        await assert_books_agree(database)

    async def test_points_need_no_budget(self, database: Database) -> None:
        of = terms(every_friend(points()), referee_reward=points(), limits=budget(1))
        programme = await add_programme(database, of)
        assert (await qualify(database, programme.code)).qualified
        assert (await one(database, Budget)).reserved == 0

    async def test_the_counter_itself_refuses_to_pass_its_ceiling(self, database: Database) -> None:
        await add_campaign(database, terms(limits=budget(100)))
        with pytest.raises(IntegrityError, match="ceiling"):
            async with database.transaction() as tx:
                await tx.session.execute(text("UPDATE budgets SET reserved = 101"))

    async def test_without_a_budget_every_currency_is_counted(self, database: Database) -> None:
        of = terms(every_friend(credits(7_00, "EUR")), referee_reward=gift_card(5_00))
        programme = await add_programme(database, of)
        await qualify(database, programme.code)
        reserved = {b.currency: b.reserved for b in await rows(database, Budget)}
        assert reserved == {"EUR": 7_00, "USD": 5_00}
        await assert_books_agree(database)

    async def test_the_fund_is_in_the_ledger(self, database: Database) -> None:
        programme = await add_programme(database, terms(limits=budget(100_00)))
        available = f"campaign/{programme.campaign_id}/available"
        assert (await balances(database))[available, "USD"] == 100_00


class TestAgain:
    async def test_qualifying_again_answers_the_same_decision(self, database: Database) -> None:
        of = terms(every_friend(), many_friends(1), hold=timedelta(days=1))
        programme = await add_programme(database, of)
        decision = await qualify(database, programme.code)
        referral = await one(database, Referral)
        for _ in range(5):
            assert await qualification.qualify(database, start_of(referral)) == decision
        assert len(await rows(database, Grant)) == 3
        assert (await one(database, ReferrerProgress)).unique_referees == 1
        await assert_books_agree(database)

    async def test_qualifying_a_rejected_referral_again_answers_no_again(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        referral = (await convert(database, programme.code)).referrals[0]
        await alter(database, referral, expires_at=in_past(hours=1))
        for _ in range(2):
            decision = await qualification.qualify(database, start_of(referral))
            assert decision == Decision(qualified=False)
        assert len(await rows(database, Event, type="referral.rejected")) == 1

    async def test_a_referral_rejected_for_its_budget_stays_rejected_when_the_budget_is_free(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(limits=budget(30_00)))
        late = await sign_up(database, programme.code)
        await qualify(database, programme.code)
        await qualify(database, programme.code, late.referee_id)
        await alter(database, await one(database, Budget), reserved=0)
        decision = await qualification.qualify(database, start_of(late))
        assert decision == Decision(qualified=False)

    async def test_ten_simultaneous_runs_grant_once(self, database: Database) -> None:
        programme = await add_programme(database)
        referral = (await convert(database, programme.code)).referrals[0]
        decisions = await asyncio.gather(
            *(qualification.qualify(database, start_of(referral)) for _ in range(10))
        )
        assert all(decision == decisions[0] for decision in decisions)
        assert len(await rows(database, Grant)) == 2


class TestDisabled:
    async def test_grants_already_made_are_finished(self, database: Database) -> None:
        programme = await add_programme(database)
        decision = await qualify(database, programme.code)
        await set_active(database, programme.campaign_id, active=False)
        referral = await one(database, Referral)
        assert await qualification.qualify(database, start_of(referral)) == decision


class TestExpire:
    async def test_ends_a_waiting_referral(self, database: Database) -> None:
        programme = await add_programme(database)
        referral = await sign_up(database, programme.code)
        expiry = await expire(database, start_of(referral))
        assert (expiry.expired, expiry.conversion) == (True, None)
        assert (await one(database, Referral)).status == ReferralStatus.EXPIRED
        assert len(await rows(database, Event, type="referral.expired")) == 1

    async def test_again_answers_the_same_and_tells_it_once(self, database: Database) -> None:
        programme = await add_programme(database)
        referral = await sign_up(database, programme.code)
        for _ in range(3):
            assert (await expire(database, start_of(referral))).expired
        assert len(await rows(database, Event, type="referral.expired")) == 1

    async def test_hands_over_a_conversion_that_was_accepted(self, database: Database) -> None:
        programme = await add_programme(database)
        referral = await sign_up(database, programme.code)
        await convert(database, programme.code, referral.referee_id, event_id="order-1")
        expiry = await expire(database, start_of(referral))
        assert not expiry.expired
        assert expiry.conversion is not None
        assert expiry.conversion.event_id == digest("order-1")
        assert (await one(database, Referral)).status == ReferralStatus.CONVERTED

    async def test_racing_a_conversion_exactly_one_of_them_wins(self, database: Database) -> None:
        programme = await add_programme(database)
        won = {"expired": 0, "converted": 0}
        # As often as it takes until each of the two has won: the conversion has more to read
        # before they meet, so it gets a head start of some milliseconds, another one each time.
        for n in range(400):
            if n >= 40 and all(won.values()):
                break
            referral = await sign_up(database, programme.code)
            start = start_of(referral)
            converting = asyncio.create_task(convert(database, programme.code, referral.referee_id))
            await asyncio.sleep(n % 20 / 1000)
            await asyncio.gather(converting, expire(database, start))
            expiry = await expire(database, start)
            stored = await one(database, Referral, id=referral.id)
            won[str(stored.status)] += 1
            assert expiry.expired == (stored.status == ReferralStatus.EXPIRED)
            assert (expiry.conversion is None) == (stored.conversion is None) == expiry.expired
        assert all(won.values()), won
