"""Conversions in the same moment, from tasks and from processes: the grants equal what a plain
sequential reading gives, and no limit is overshot."""

from __future__ import annotations

import asyncio

from bench.proofs.sequential import sequential
from domain.campaigns import CampaignTerms, Limits
from domain.messages import Decision
from domain.referrals import ReferralStatus
from store.database import Database
from store.tables import Budget, Event, Grant, LedgerEntry, Referral, ReferrerProgress
from tests.auditing import assert_books_agree
from tests.builders import (
    Programme,
    add_code,
    add_customer,
    add_friends,
    add_programme,
    budget,
    every_friend,
    gift_card,
    many_friends,
    one,
    points,
    rows,
    sign_up,
    terms,
)
from tests.store.qualification.conversion_process import convert_and_judge, run_together

ISSUE = terms(every_friend(points(100)), many_friends(5, gift_card(50_00)))
"""The issue's own case: min_unique_referees 5 beside each_unique_referee, both sides rewarded."""


async def all_at_once(database: Database, code: str, friends: list[str]) -> list[Decision]:
    return await asyncio.gather(*(convert_and_judge(database, code, friend) for friend in friends))


async def referrers_grants(database: Database, referrer_id: str) -> list[tuple[str, int]]:
    grants = await rows(database, Grant, recipient_id=referrer_id)
    return sorted((grant.reason, grant.ordinal) for grant in grants)


async def assert_sequential(
    database: Database, programme: Programme, of: CampaignTerms, friends: int
) -> None:
    """The referrer got what a sequential reading gives, the friends have the numbers from 1 on,
    and the books agree."""
    expected = sequential(of, friends)
    assert await referrers_grants(database, programme.referrer_id) == expected
    referrals = await rows(database, Referral, referrer_id=programme.referrer_id)
    counted = sorted(referral.ordinal for referral in referrals if referral.ordinal)
    assert counted == list(range(1, len(counted) + 1))
    progress = await one(database, ReferrerProgress, referrer_id=programme.referrer_id)
    assert (progress.unique_referees, progress.grants) == (len(counted), len(expected))
    await assert_books_agree(database)


class TestTwoHundred:
    async def test_conversions_of_one_code_from_tasks(self, database: Database) -> None:
        programme, friends = await add_programme(database, ISSUE), await add_friends(database, 200)
        decisions = await all_at_once(database, programme.code, friends)
        assert all(decision.qualified for decision in decisions)
        assert sum(len(decision.grants) for decision in decisions) == 401
        await assert_sequential(database, programme, ISSUE, 200)
        assert len(await rows(database, Grant, role="referee")) == 200

    async def test_conversions_of_one_code_from_four_processes(
        self, database: Database, database_url: str
    ) -> None:
        programme, friends = await add_programme(database, ISSUE), await add_friends(database, 200)
        groups = [friends[n::4] for n in range(4)]
        await asyncio.to_thread(run_together, database_url, programme.code, groups)
        await assert_sequential(database, programme, ISSUE, 200)
        assert len(await rows(database, Grant, role="referee")) == 200

    async def test_the_same_friends_from_four_processes_count_once_each(
        self, database: Database, database_url: str
    ) -> None:
        programme, friends = await add_programme(database, ISSUE), await add_friends(database, 25)
        await asyncio.to_thread(run_together, database_url, programme.code, [friends] * 4)
        await assert_sequential(database, programme, ISSUE, 25)
        assert len(await rows(database, Event, type="referral.converted")) == 25
        assert len(await rows(database, Event, type="referral.qualified")) == 25


class TestRepeatedMilestones:
    async def test_every_multiple_is_granted_once(self, database: Database) -> None:
        of = terms(many_friends(5, repeat=True), many_friends(7, id="tier_7"), referee_reward=None)
        programme, friends = await add_programme(database, of), await add_friends(database, 52)
        await all_at_once(database, programme.code, friends)
        await assert_sequential(database, programme, of, 52)

    async def test_several_referrers_do_not_disturb_one_another(self, database: Database) -> None:
        of = terms(every_friend(points()), many_friends(3, repeat=True), referee_reward=None)
        first = await add_programme(database, of)
        programmes = [first]
        for _ in range(4):
            person = await add_customer(database)
            code = await add_code(database, first.campaign_id, person)
            programmes.append(Programme(first.campaign_id, person, code))
        friends = await add_friends(database, 50)
        await asyncio.gather(
            *(
                convert_and_judge(database, programmes[n % 5].code, friend)
                for n, friend in enumerate(friends)
            )
        )
        for programme in programmes:
            await assert_sequential(database, programme, of, 10)


class TestGrantsPerReferrer:
    async def test_the_limit_is_reached_and_never_passed(self, database: Database) -> None:
        of = terms(every_friend(points()), limits=Limits(grants_per_referrer=20))
        programme, friends = await add_programme(database, of), await add_friends(database, 60)
        # Signed up beforehand: who comes to a full cap is refused at the door.
        await asyncio.gather(*(sign_up(database, programme.code, friend) for friend in friends))
        decisions = await all_at_once(database, programme.code, friends)
        assert sum(decision.qualified for decision in decisions) == 20
        await assert_sequential(database, programme, of, 60)
        assert len(await rows(database, Referral, status=ReferralStatus.REJECTED)) == 40
        assert len(await rows(database, Grant, role="referee")) == 20


class TestBudget:
    async def waiting(
        self, database: Database, of: CampaignTerms, codes: int, each: int
    ) -> list[tuple[str, str]]:
        """(code, friend): signed up beforehand, so that the budget is judged by its counter and
        not at the door."""
        programme = await add_programme(database, of)
        people = await add_friends(database, codes - 1)
        more = [await add_code(database, programme.campaign_id, person) for person in people]
        pairs = [
            (code, friend)
            for code in [programme.code, *more]
            for friend in await add_friends(database, each)
        ]
        await asyncio.gather(*(sign_up(database, code, friend) for code, friend in pairs))
        return pairs

    async def test_a_whole_number_of_conversions_fits_and_the_rest_is_rejected(
        self, database: Database
    ) -> None:
        of = terms(limits=budget(7 * 30_00 + 29_99))
        pairs = await self.waiting(database, of, codes=4, each=8)
        decisions = await asyncio.gather(
            *(convert_and_judge(database, code, friend) for code, friend in pairs)
        )
        assert sum(decision.qualified for decision in decisions) == 7
        assert (await one(database, Budget)).reserved == 7 * 30_00
        assert len(await rows(database, Referral, status=ReferralStatus.REJECTED)) == 25
        await assert_books_agree(database)

    async def test_a_conversions_grants_are_made_together_or_not_at_all(
        self, database: Database
    ) -> None:
        of = terms(
            every_friend(gift_card(10_00)),
            many_friends(3, gift_card(70_00), repeat=True),
            referee_reward=gift_card(5_00),
            limits=budget(400_00),
        )
        pairs = await self.waiting(database, of, codes=5, each=8)
        await asyncio.gather(*(convert_and_judge(database, code, friend) for code, friend in pairs))
        for referral in await rows(database, Referral):
            reasons = {g.reason for g in await rows(database, Grant, referral_id=referral.id)}
            if referral.status == ReferralStatus.REJECTED:
                assert reasons == set()
            else:
                assert referral.ordinal is not None
                milestone = {"tier_many"} if referral.ordinal % 3 == 0 else set()
                assert reasons == {"referee", "tier_every"} | milestone
        await assert_books_agree(database)

    async def test_a_rejected_conversion_leaves_no_entry_in_the_ledger(
        self, database: Database
    ) -> None:
        pairs = await self.waiting(database, terms(limits=budget(60_00)), codes=2, each=10)
        await asyncio.gather(*(convert_and_judge(database, code, friend) for code, friend in pairs))
        grants = {grant.id for grant in await rows(database, Grant)}
        reserved = {entry.subject for entry in await rows(database, LedgerEntry, kind="reserve")}
        told = {event.grant_id for event in await rows(database, Event, type="grant.created")}
        assert reserved == told == grants
        assert len(grants) == 4
