"""One person, two friends: whose conversions come at the same time."""

from __future__ import annotations

from domain.referrals import ReferralStatus
from store.database import Database
from store.tables import RefereeMark, Referral
from tests.auditing import assert_books_agree
from tests.builders import add_code, add_customer, add_programme, convert, judge_at_once, rows


class TestTheSameMailbox:
    async def test_counts_once_also_when_two_referrers_bring_it_at_once(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        other = await add_code(database, programme.campaign_id, await add_customer(database))
        for n, code in enumerate([programme.code, other] * 3):
            friend = await add_customer(database, email=f"bob+{n}@example.com")
            await convert(database, code, friend)
        await judge_at_once(database, await rows(database, Referral))
        judged = await rows(database, Referral)
        assert sum(referral.ordinal is not None for referral in judged) == 1
        rejected = [one for one in judged if one.status == ReferralStatus.REJECTED]
        assert len(rejected) == 5
        for referral in rejected:
            (verdict,) = [one for one in referral.verdicts if not one["passed"]]
            assert verdict["check"] == "same_email"
        (mark,) = await rows(database, RefereeMark)
        (counted,) = [one for one in judged if one.ordinal is not None]
        assert mark.customer_id == counted.referee_id
        await assert_books_agree(database)

    async def test_counts_in_each_campaign(self, database: Database) -> None:
        for n in range(2):
            programme = await add_programme(database)
            friend = await add_customer(database, email=f"bob+{n}@example.com")
            await convert(database, programme.code, friend)
        await judge_at_once(database, await rows(database, Referral))
        assert [referral.ordinal for referral in await rows(database, Referral)] == [1, 1]
