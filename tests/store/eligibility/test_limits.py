"""Limits by count: the last conversion that fits, the first that does not, and none too many
when all come at once."""

from __future__ import annotations

from typing import Any

import pytest

from domain.campaigns import CampaignTerms, Limits, OnReversal
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount
from store.database import Database
from store.qualification import qualify as qualification
from store.reversals.carry_out import carry_out
from store.reversals.request import request_reversal
from store.tables import Grant, Referral
from tests.auditing import assert_books_agree
from tests.builders import (
    add_code,
    add_customer,
    add_programme,
    alter,
    convert,
    every_friend,
    in_past,
    judge_at_once,
    many_friends,
    one,
    points,
    qualify,
    rows,
    sign_up,
    start_of,
    terms,
)

OF_CAMPAIGN = (
    "redemptions",
    "redemptions_per_day",
    "redemptions_per_week",
    "redemptions_per_month",
)
OF_REFERRER = (
    "redemptions_per_referrer_per_day",
    "redemptions_per_referrer_per_week",
    "redemptions_per_referrer_per_month",
    "grants_per_referrer",
)
OF_TIER = ("max_grants", "max_grants_per_referrer")
SHARED = (*OF_CAMPAIGN, "max_grants")


def limited(name: str, most: int) -> CampaignTerms:
    """Terms that give the referrer 500 points a friend, under that limit alone."""
    tier = every_friend(points())
    if name in OF_TIER:
        return terms(tier.model_copy(update={name: most}), referee_reward=None)
    return terms(tier, referee_reward=None, limits=Limits(**{name: most}))


async def accepted(database: Database, code: str) -> str:
    """A friend's conversion, taken in; answers the referral's id."""
    return (await convert(database, code)).referrals[0].id


async def judged(database: Database, *ids: str) -> list[Referral]:
    """The referrals, judged one after the other."""
    for id in ids:
        await qualification.qualify(database, start_of(await one(database, Referral, id=id)))
    return [await one(database, Referral, id=id) for id in ids]


def verdict_of(referral: Referral, check: str) -> dict[str, Any]:
    (found,) = [verdict for verdict in referral.verdicts if verdict["check"] == check]
    return found


class TestEachLimit:
    @pytest.mark.parametrize("name", [*OF_CAMPAIGN, *OF_REFERRER, *OF_TIER])
    async def test_the_last_that_fits_and_the_first_that_does_not(
        self, database: Database, name: str
    ) -> None:
        programme = await add_programme(database, limited(name, 2))
        # All are accepted before any is judged: what is tested is the limit, not the early no.
        ids = [await accepted(database, programme.code) for _ in range(3)]
        first, last, late = await judged(database, *ids)
        for fitting, after in ((first, 1), (last, 2)):
            assert fitting.ordinal == after
            assert verdict_of(fitting, name)["passed"]
            assert verdict_of(fitting, name)["numbers"]["after"] == after
        assert (late.status, late.ordinal) == (ReferralStatus.REJECTED, None)
        assert verdict_of(late, name)["passed"] is False
        numbers = verdict_of(late, name)["numbers"]
        assert (numbers["limit"], numbers["after"]) == (2, 3)
        assert late.reason
        assert await rows(database, Grant, referral_id=late.id) == []
        await assert_books_agree(database)

    @pytest.mark.parametrize("name", OF_REFERRER[:3])
    async def test_a_referrers_own_limit_holds_nobody_else_back(
        self, database: Database, name: str
    ) -> None:
        programme = await add_programme(database, limited(name, 1))
        other = await add_code(database, programme.campaign_id, await add_customer(database))
        ids = [await accepted(database, code) for code in (programme.code, other)]
        assert [referral.ordinal for referral in await judged(database, *ids)] == [1, 1]

    @pytest.mark.parametrize(
        ("name", "days", "passes"),
        [
            ("redemptions_per_day", 2, True),
            ("redemptions_per_week", 8, True),
            ("redemptions_per_month", 32, True),
            ("redemptions_per_referrer_per_day", 2, True),
            ("redemptions", 400, False),
        ],
    )
    async def test_conversions_of_another_period_do_not_count(
        self, database: Database, name: str, days: int, passes: bool
    ) -> None:
        programme = await add_programme(database, limited(name, 1))
        (old,) = await judged(database, await accepted(database, programme.code))
        await alter(database, old, converted_at=in_past(days=days))
        if not passes:
            with pytest.raises(CannotCount):
                await accepted(database, programme.code)
            return
        (new,) = await judged(database, await accepted(database, programme.code))
        assert new.ordinal == 2

    async def test_a_reversed_conversion_makes_room(self, database: Database) -> None:
        programme = await add_programme(database, limited("redemptions", 1))
        (first,) = await judged(database, await accepted(database, programme.code))
        await alter(database, first, reversed_at=in_past(hours=1))
        (second,) = await judged(database, await accepted(database, programme.code))
        assert second.ordinal == 2


class TestAtTheDoor:
    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("redemptions", "budget_exhausted"),
            ("redemptions_per_day", "redemption_rules_violated"),
            ("redemptions_per_referrer_per_week", "redemption_rules_violated"),
        ],
    )
    async def test_a_limit_that_is_used_up_refuses_newcomers(
        self, database: Database, name: str, key: str
    ) -> None:
        programme = await add_programme(database, limited(name, 1))
        await qualify(database, programme.code)
        with pytest.raises(CannotCount) as refusal:
            await convert(database, programme.code)
        assert refusal.value.key == key
        (verdict,) = refusal.value.details["verdicts"]
        assert (verdict["check"], verdict["numbers"]["limit"]) == (name, 1)
        assert len(await rows(database, Referral)) == 1


class TestAllAtOnce:
    @pytest.mark.parametrize("name", [*SHARED, OF_REFERRER[0], OF_TIER[1]])
    async def test_no_limit_is_overshot(self, database: Database, name: str) -> None:
        programme = await add_programme(database, limited(name, 3))
        codes = [programme.code]
        if name in SHARED:
            # Several referrers: their progress rows are no common lock.
            for _ in range(3):
                referrer = await add_customer(database)
                codes.append(await add_code(database, programme.campaign_id, referrer))
        for i in range(8):
            await accepted(database, codes[i % len(codes)])
        await judge_at_once(database, await rows(database, Referral))
        outcomes = await rows(database, Referral)
        assert sum(referral.ordinal is not None for referral in outcomes) == 3
        assert len(await rows(database, Grant)) == 3
        await assert_books_agree(database)


async def test_an_undone_grant_still_counts_for_its_tier_s_cap(database: Database) -> None:
    """Else another's milestone would take the place, and the first, reached again, be too many."""
    tier = many_friends(1, points()).model_copy(
        update={"on_reversal": OnReversal.UNDO, "max_grants": 1}
    )
    programme = await add_programme(database, terms(tier, referee_reward=None))
    campaign_id = programme.campaign_id
    other = await add_code(database, campaign_id, await add_customer(database))
    late = await sign_up(database, other)
    await qualify(database, programme.code)
    first = await one(database, Referral, referrer_id=programme.referrer_id)
    async with database.transaction() as tx:
        await request_reversal(tx, first.id, None, "sent back", "refund-1")
        await carry_out(tx, first.id)
    assert not (await qualify(database, other, late.referee_id)).qualified
    assert (await qualify(database, programme.code)).qualified
    standing = [grant.status for grant in await rows(database, Grant, campaign_id=campaign_id)]
    assert standing == ["ordering"]
