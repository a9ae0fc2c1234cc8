"""Accepting sign-ups and conversions: first touch, refusals with their keys, races."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.campaigns import ConversionKind
from domain.ids import digest
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount, InvalidPayload, NotFound, Refusal
from store.database import Database, now
from store.referrals.conversion import ConversionRequest
from store.tables import Campaign, Customer, Event, Holder, Intake, Referral, Voucher
from tests.builders import (
    EVENT,
    Programme,
    add_campaign,
    add_code,
    add_customer,
    add_programme,
    alter,
    budget,
    conversion,
    convert,
    every_friend,
    gift_card,
    in_past,
    one,
    points,
    qualify,
    redemption_terms,
    rows,
    set_active,
    sign_up,
    terms,
)


async def nothing_left(database: Database) -> None:
    """A refusal leaves no referral, no message and no event of one."""
    assert await rows(database, Referral) == []
    assert await rows(database, Intake) == []
    assert not [e for e in await rows(database, Event) if e.type.startswith("referral.")]


async def refused(database: Database, code: str, friend: str | None = None) -> CannotCount:
    """The refusal that both ways in answer alike."""
    friend = friend or await add_customer(database)
    with pytest.raises(CannotCount) as at_sign_up:
        await sign_up(database, code, friend)
    with pytest.raises(CannotCount) as at_event:
        await convert(database, code, friend)
    assert at_sign_up.value.key == at_event.value.key
    return at_event.value


class TestSignUp:
    async def test_leaves_a_waiting_referral_its_message_and_its_event(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        referral = await sign_up(database, programme.code)
        assert referral.status == ReferralStatus.WAITING
        assert referral.referrer_id == programme.referrer_id
        assert referral.expires_at - referral.created_at == timedelta(days=30)
        intake = await one(database, Intake, referral_id=referral.id)
        assert intake.conversion is None
        assert intake.sent_at is None
        assert len(await rows(database, Event, type="referral.attributed")) == 1

    async def test_repeated_answers_the_same_referral(self, database: Database) -> None:
        programme, friend = await add_programme(database), await add_customer(database)
        first = await sign_up(database, programme.code, friend)
        assert (await sign_up(database, programme.code, friend)).id == first.id
        assert len(await rows(database, Intake)) == 1

    async def test_repeated_answers_the_same_after_the_campaign_was_disabled(
        self, database: Database
    ) -> None:
        programme, friend = await add_programme(database), await add_customer(database)
        first = await sign_up(database, programme.code, friend)
        await set_active(database, programme.campaign_id, active=False)
        assert (await sign_up(database, programme.code, friend)).id == first.id


class TestRefusals:
    async def test_an_unknown_code(self, database: Database) -> None:
        friend = await add_customer(database)
        with pytest.raises(NotFound) as refusal:
            await convert(database, "NO-SUCH-CODE", friend)
        assert refusal.value.key == "resource_not_found"
        with pytest.raises(NotFound):
            await sign_up(database, "NO-SUCH-CODE", friend)
        await nothing_left(database)

    async def test_ones_own_code(self, database: Database) -> None:
        programme = await add_programme(database)
        refusal = await refused(database, programme.code, programme.referrer_id)
        assert refusal.key == "referrer_not_permitted_to_redeem"
        await nothing_left(database)

    async def test_a_code_that_nobody_holds(self, database: Database) -> None:
        await add_campaign(database)
        voucher = await one(database, Voucher)
        assert (await refused(database, voucher.code)).key == "voucher_not_active"
        await nothing_left(database)

    async def test_a_disabled_code(self, database: Database) -> None:
        programme = await add_programme(database)
        voucher = await one(database, Voucher, code=programme.code)
        await alter(database, voucher, active=False)
        assert (await refused(database, programme.code)).key == "voucher_disabled"
        await nothing_left(database)

    async def test_a_disabled_campaign(self, database: Database) -> None:
        programme = await add_programme(database)
        await set_active(database, programme.campaign_id, active=False)
        assert (await refused(database, programme.code)).key == "campaign_not_live"
        await nothing_left(database)

    async def test_a_campaign_that_has_not_begun(self, database: Database) -> None:
        programme = await add_programme(database, start_date=now() + timedelta(hours=1))
        assert (await refused(database, programme.code)).key == "campaign_not_live"
        await nothing_left(database)

    async def test_a_campaign_that_has_ended(self, database: Database) -> None:
        programme = await add_programme(database)
        campaign = await one(database, Campaign)
        await alter(database, campaign, expiration_date=in_past(seconds=1))
        assert (await refused(database, programme.code)).key == "campaign_not_live"
        await nothing_left(database)

    async def test_a_spent_budget(self, database: Database) -> None:
        programme = await add_programme(database, terms(limits=budget(30_00)))
        await qualify(database, programme.code)
        assert (await refused(database, programme.code)).key == "budget_exhausted"
        assert len(await rows(database, Referral)) == 1

    async def test_a_budget_with_too_little_left_for_one_more_friend(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(limits=budget(59_99)))
        await qualify(database, programme.code)
        assert (await refused(database, programme.code)).key == "budget_exhausted"

    async def test_a_referrer_who_does_not_hold_the_code(self, database: Database) -> None:
        programme, stranger = await add_programme(database), await add_customer(database)
        with pytest.raises(InvalidPayload) as refusal:
            await convert(database, programme.code, referrer_id=stranger)
        assert refusal.value.field == "/referral/referrer_id"
        await nothing_left(database)


class TestFirstTouch:
    async def two_codes(self, database: Database) -> tuple[Programme, str]:
        programme = await add_programme(database)
        rival = await add_customer(database)
        return programme, await add_code(database, programme.campaign_id, rival)

    async def test_another_code_is_refused(self, database: Database) -> None:
        programme, other = await self.two_codes(database)
        friend = await add_customer(database)
        await sign_up(database, programme.code, friend)
        assert (await refused(database, other, friend)).key == "already_referred"
        assert len(await rows(database, Referral)) == 1

    @pytest.mark.parametrize(
        "ended",
        [
            ReferralStatus.EXPIRED,
            ReferralStatus.REJECTED,
            ReferralStatus.REVERSED,
            ReferralStatus.COMPLETED,
        ],
    )
    async def test_holds_whatever_became_of_the_referral(
        self, database: Database, ended: ReferralStatus
    ) -> None:
        programme, other = await self.two_codes(database)
        friend = await add_customer(database)
        referral = await sign_up(database, programme.code, friend)
        await alter(database, referral, status=ended)
        assert (await refused(database, other, friend)).key == "already_referred"

    async def test_holds_in_its_own_campaign_only(self, database: Database) -> None:
        friend = await add_customer(database)
        for programme in [await add_programme(database), await add_programme(database)]:
            await sign_up(database, programme.code, friend)
        assert len(await rows(database, Referral, referee_id=friend)) == 2

    async def test_two_codes_racing_for_one_friend_attribute_one(self, database: Database) -> None:
        programme, other = await self.two_codes(database)
        for _ in range(10):
            friend = await add_customer(database)
            answers = await asyncio.gather(
                sign_up(database, programme.code, friend),
                convert(database, other, friend),
                return_exceptions=True,
            )
            losers = [answer for answer in answers if isinstance(answer, BaseException)]
            assert [loser.key for loser in losers if isinstance(loser, Refusal)] == [
                "already_referred"
            ]
            assert len(losers) == 1
            assert len(await rows(database, Referral, referee_id=friend)) == 1


class TestHolders:
    async def sharer(self, database: Database, programme: Programme) -> str:
        """A further person who may share the same code."""
        voucher = await one(database, Voucher, code=programme.code)
        person = await add_customer(database)
        async with database.transaction() as tx:
            tx.session.add(
                Holder(
                    id=f"rh_{person}",
                    voucher_id=voucher.id,
                    campaign_id=programme.campaign_id,
                    customer_id=person,
                    role="REFERRER",
                    once=True,
                    created_at=tx.now,
                )
            )
        return person

    async def test_the_owner_is_rewarded_unless_another_is_named(self, database: Database) -> None:
        programme = await add_programme(database)
        await self.sharer(database, programme)
        converted = await convert(database, programme.code)
        assert converted.referrals[0].referrer_id == programme.referrer_id

    async def test_a_named_holder_is_rewarded(self, database: Database) -> None:
        programme = await add_programme(database)
        sharer = await self.sharer(database, programme)
        converted = await convert(database, programme.code, referrer_id=sharer)
        assert converted.referrals[0].referrer_id == sharer

    async def test_a_holder_can_be_named_by_source_id(self, database: Database) -> None:
        programme = await add_programme(database)
        sharer = await self.sharer(database, programme)
        source_id = (await one(database, Customer, id=sharer)).source_id
        converted = await convert(database, programme.code, referrer_id=source_id)
        assert converted.referrals[0].referrer_id == sharer

    async def test_a_holder_cannot_be_rewarded_for_referring_oneself(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        sharer = await self.sharer(database, programme)
        with pytest.raises(CannotCount) as refusal:
            await convert(database, programme.code, sharer, referrer_id=sharer)
        assert refusal.value.key == "referrer_not_permitted_to_redeem"


class TestEventWithCode:
    async def test_attributes_and_converts_in_one_call(self, database: Database) -> None:
        programme = await add_programme(database)
        converted = await convert(database, programme.code, event_id="order-1")
        (referral,) = await rows(database, Referral)
        assert (referral.status, converted.repeat) == (ReferralStatus.CONVERTED, False)
        assert referral.conversion is not None
        assert referral.conversion["event_id"] == "order-1"
        intake = await one(database, Intake)
        assert intake.conversion is not None
        assert intake.conversion["event_id"] == digest("order-1"), "the caller's text stays out"

    async def test_converts_a_friend_who_signed_up(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        converted = await convert(database, programme.code, waiting.referee_id)
        assert [referral.id for referral in converted.referrals] == [waiting.id]
        assert converted.referrals[0].status == ReferralStatus.CONVERTED
        assert len(await rows(database, Intake)) == 2

    async def test_repeated_changes_nothing(self, database: Database) -> None:
        programme, friend = await add_programme(database), await add_customer(database)
        first = await convert(database, programme.code, friend, event_id="order-1")
        again = await convert(database, programme.code, friend, event_id="order-1")
        assert (again.repeat, again.intake) == (True, [])
        assert again.referrals[0].id == first.referrals[0].id
        assert len(await rows(database, Intake)) == 1

    async def test_another_event_of_a_converted_pair_changes_nothing(
        self, database: Database
    ) -> None:
        programme, friend = await add_programme(database), await add_customer(database)
        await convert(database, programme.code, friend, event_id="order-1")
        again = await convert(database, programme.code, friend, event_id="order-2")
        assert (again.repeat, again.intake) == (True, [])
        referral = await one(database, Referral)
        assert referral.conversion is not None
        assert referral.conversion["event_id"] == "order-1"

    async def test_that_is_not_the_campaigns_converts_nothing(self, database: Database) -> None:
        programme = await add_programme(database)
        converted = await convert(database, programme.code, event="newsletter")
        assert converted.referrals == []
        await nothing_left(database)

    async def test_that_is_not_the_campaigns_leaves_a_waiting_friend_waiting(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await convert(database, programme.code, waiting.referee_id, event="newsletter")
        assert (await one(database, Referral)).status == ReferralStatus.WAITING

    async def test_a_custom_event_does_not_convert_in_a_redemption_campaign(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, redemption_terms())
        assert (await convert(database, programme.code)).referrals == []
        await nothing_left(database)

    async def test_a_redemption_converts_in_a_redemption_campaign(self, database: Database) -> None:
        programme = await add_programme(database, redemption_terms())
        kind = ConversionKind.REDEMPTION
        converted = await convert(database, programme.code, kind=kind, event=None)
        assert converted.referrals[0].status == ReferralStatus.CONVERTED

    @pytest.mark.parametrize("event_id", ["start", "", "convert", "x" * 500])
    async def test_any_event_id_of_the_caller_converts_after_a_sign_up(
        self, database: Database, event_id: str
    ) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        converted = await convert(database, programme.code, waiting.referee_id, event_id=event_id)
        assert converted.referrals[0].status == ReferralStatus.CONVERTED
        assert len(await rows(database, Intake)) == 2


class TestEventWithoutCode:
    async def test_converts_every_waiting_referral_oldest_first(self, database: Database) -> None:
        friend = await add_customer(database)
        waiting = [
            await sign_up(database, (await add_programme(database)).code, friend) for _ in range(3)
        ]
        converted = await convert(database, None, friend)
        assert [r.id for r in converted.referrals] == [r.id for r in waiting]
        assert {r.status for r in converted.referrals} == {ReferralStatus.CONVERTED}
        assert len(converted.intake) == 3

    async def test_matches_nothing_for_a_stranger(self, database: Database) -> None:
        converted = await convert(database, None)
        assert (converted.referrals, converted.intake) == ([], [])

    async def test_leaves_referrals_that_wait_for_another_event(self, database: Database) -> None:
        friend = await add_customer(database)
        other = await add_programme(database, terms(event_name="subscription"))
        await sign_up(database, other.code, friend)
        assert (await convert(database, None, friend)).referrals == []
        assert (await one(database, Referral)).status == ReferralStatus.WAITING

    async def test_is_held_while_the_campaign_is_disabled(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await set_active(database, programme.campaign_id, active=False)
        (held,) = (await convert(database, None, waiting.referee_id)).referrals
        assert (held.status, held.reason) == ("converted", "campaign_paused")

    async def test_repeated_answers_the_same_referrals(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await convert(database, None, waiting.referee_id, event_id="order-1")
        again = await convert(database, None, waiting.referee_id, event_id="order-1")
        assert (again.repeat, [r.id for r in again.referrals]) == (True, [waiting.id])

    async def test_does_not_touch_another_friends_referral(self, database: Database) -> None:
        programme = await add_programme(database)
        await sign_up(database, programme.code)
        await convert(database, None)
        assert (await one(database, Referral)).status == ReferralStatus.WAITING


class TestTime:
    async def test_an_event_after_the_window_converts_nothing(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await alter(database, waiting, expires_at=in_past(seconds=1))
        converted = await convert(database, programme.code, waiting.referee_id)
        assert (converted.intake, converted.referrals[0].status) == ([], ReferralStatus.WAITING)

    async def test_an_event_received_within_the_window_converts_though_it_comes_late(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await alter(database, waiting, expires_at=in_past(hours=1))
        received = in_past(hours=2)
        await convert(database, programme.code, waiting.referee_id, received_at=received)
        referral = await one(database, Referral)
        assert (referral.status, referral.converted_at) == (ReferralStatus.CONVERTED, received)

    async def test_an_expired_referral_does_not_convert(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await alter(database, waiting, status=ReferralStatus.EXPIRED)
        converted = await convert(database, programme.code, waiting.referee_id)
        assert (converted.repeat, converted.intake) == (True, [])
        assert (await one(database, Referral)).status == ReferralStatus.EXPIRED

    async def test_a_referral_begun_before_the_campaigns_end_converts_after_it(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        campaign = await one(database, Campaign)
        await alter(database, campaign, expiration_date=in_past(seconds=1))
        converted = await convert(database, programme.code, waiting.referee_id)
        assert converted.referrals[0].status == ReferralStatus.CONVERTED

    async def test_a_referral_begun_before_disabling_is_converted_and_held(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await set_active(database, programme.campaign_id, active=False)
        (held,) = (await convert(database, programme.code, waiting.referee_id)).referrals
        assert (held.status, held.reason) == ("converted", "campaign_paused")

    async def test_a_spent_budget_does_not_turn_a_waiting_friend_away_at_the_door(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(limits=budget(30_00)))
        waiting = await sign_up(database, programme.code)
        await qualify(database, programme.code)
        converted = await convert(database, programme.code, waiting.referee_id)
        assert converted.referrals[0].status == ReferralStatus.CONVERTED


class TestSimultaneous:
    async def test_ten_identical_events_make_one_conversion(self, database: Database) -> None:
        programme, friend = await add_programme(database), await add_customer(database)
        answers = await asyncio.gather(
            *(convert(database, programme.code, friend, event_id="order-1") for _ in range(10))
        )
        assert sum(len(answer.intake) for answer in answers) == 1
        assert {answer.referrals[0].id for answer in answers} == {
            (await one(database, Referral)).id
        }
        assert {answer.referrals[0].status for answer in answers} == {ReferralStatus.CONVERTED}
        assert len(await rows(database, Intake)) == 1
        assert len(await rows(database, Event, type="referral.converted")) == 1

    async def test_ten_different_events_make_one_conversion(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        answers = await asyncio.gather(
            *(convert(database, None, waiting.referee_id, event_id=f"order-{n}") for n in range(10))
        )
        assert sum(len(answer.intake) for answer in answers) == 1
        assert len(await rows(database, Event, type="referral.converted")) == 1

    async def test_ten_sign_ups_make_one_referral(self, database: Database) -> None:
        programme, friend = await add_programme(database), await add_customer(database)
        referrals = await asyncio.gather(
            *(sign_up(database, programme.code, friend) for _ in range(10))
        )
        assert len({referral.id for referral in referrals}) == 1
        assert len(await rows(database, Intake)) == 1

    async def test_a_sign_up_and_an_event_make_one_converted_referral(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        for _ in range(20):
            friend = await add_customer(database)
            await asyncio.gather(
                sign_up(database, programme.code, friend),
                convert(database, programme.code, friend),
            )
            referral = await one(database, Referral, referee_id=friend)
            assert referral.status == ReferralStatus.CONVERTED
            messages = await rows(database, Intake, referral_id=referral.id)
            assert len([m for m in messages if m.conversion]) == 1

    async def test_events_with_and_without_the_code_make_one_conversion(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        for _ in range(10):
            waiting = await sign_up(database, programme.code)
            answers = await asyncio.gather(
                convert(database, programme.code, waiting.referee_id),
                convert(database, None, waiting.referee_id),
            )
            assert sum(len(answer.intake) for answer in answers) == 1


class TestIdentity:
    def test_is_the_callers_own(self) -> None:
        assert conversion("cust_a", event_id="order-1").identity() == "order-1"

    def test_without_one_is_the_same_for_the_same_event_customer_and_code(self) -> None:
        first = conversion("cust_a", "CODE")
        later = conversion("cust_a", "CODE", received_at=now() + timedelta(hours=1))
        assert first.identity() == later.identity()

    @pytest.mark.parametrize(
        "other",
        [
            conversion("cust_b", "CODE"),
            conversion("cust_a", "OTHER"),
            conversion("cust_a"),
            conversion("cust_a", "CODE", event="newsletter"),
        ],
    )
    def test_without_one_differs_by_event_customer_and_code(self, other: ConversionRequest) -> None:
        assert other.identity() != conversion("cust_a", "CODE", event=EVENT).identity()


class TestPinnedTerms:
    async def test_a_referral_is_pinned_to_the_version_it_began_under(
        self, database: Database
    ) -> None:
        of = terms(every_friend(points()), referee_reward=gift_card(25_00))
        programme = await add_programme(database, of)
        referral = await sign_up(database, programme.code)
        assert referral.campaign_version == 1
