"""A peer sums up what was earned, then writes the next commission, without a lock in between: at
the same time, several pass its spending cap. Here the cap holds, to the cent and to the grant."""

from __future__ import annotations

from domain.campaigns import Limits
from domain.referrals import ReferralStatus
from store.database import Database
from store.tables import Budget, Grant, Referral
from tests.auditing import assert_books_agree
from tests.builders import (
    add_code,
    add_customer,
    add_programme,
    budget,
    convert,
    every_friend,
    gift_card,
    judge_at_once,
    one,
    rows,
    terms,
)

AT_ONCE = 12
CAP = 5


async def conversions_at_once(database: Database, limits: Limits) -> list[Referral]:
    """So many conversions of four referrers, judged at the same time; each earns 15.00."""
    of = terms(every_friend(gift_card(15_00)), referee_reward=None, limits=limits)
    programme = await add_programme(database, of)
    codes = [programme.code]
    for _ in range(3):
        referrer = await add_customer(database)
        codes.append(await add_code(database, programme.campaign_id, referrer))
    taken = [await convert(database, codes[i % 4]) for i in range(AT_ONCE)]
    await judge_at_once(database, [converted.referrals[0] for converted in taken])
    return await rows(database, Referral)


class TestASpendingCap:
    async def test_is_not_passed_by_conversions_at_the_same_time(self, database: Database) -> None:
        judged = await conversions_at_once(database, budget(CAP * 15_00))
        refused = [one for one in judged if one.status == ReferralStatus.REJECTED]
        assert len(refused) == AT_ONCE - CAP
        assert all(one.verdicts[-1]["check"] == "budget" for one in refused)
        assert (await one(database, Budget)).reserved == CAP * 15_00
        assert len(await rows(database, Grant)) == CAP
        await assert_books_agree(database)

    async def test_a_cap_by_count_is_never_exceeded_in_a_race(self, database: Database) -> None:
        judged = await conversions_at_once(database, Limits(redemptions=CAP))
        assert sum(one.ordinal is not None for one in judged) == CAP
        assert len(await rows(database, Grant)) == CAP
        await assert_books_agree(database)
