"""The return window: grants wait, and staff may cancel them while they do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.campaigns import CampaignTerms
from tests.auditing import assert_books_agree
from tests.builders import budget, terms
from tests.keeping import Keep
from tests.workflows.case import Refused
from tests.workflows.stage import Stage


def held(**changes: timedelta) -> CampaignTerms:
    """Both sides' cards wait 14 days; the budget covers exactly them."""
    return terms(hold=timedelta(days=14), limits=budget(30_00), **changes)


class TestHold:
    async def test_grants_are_ordered_only_after_14_days(self, stage: Stage, keep: Keep) -> None:
        case = await stage.converted(held())
        await case.reaches("on_hold")
        assert await case.skip(days=13, hours=23)
        grants = await case.grants()
        assert [grant.status for grant in grants] == ["held", "held"]
        converted_at = (await case.referral()).converted_at
        assert converted_at is not None
        assert [grant.due_at for grant in grants] == [converted_at + timedelta(days=14)] * 2
        assert await case.orders() == []
        await case.skip(hours=2)
        assert await case.result() == "completed"
        assert len(await case.cards()) == 2
        await assert_books_agree(stage.database)
        await keep("on_hold_completed", case.handle)

    async def test_a_conversion_told_after_its_hold_is_ordered_at_once(self, stage: Stage) -> None:
        case = await stage.converted(terms(hold=timedelta(milliseconds=1)))
        assert await case.result() == "completed"


class TestCancelWhileHeld:
    async def test_withdraws_that_grant_and_leaves_the_other(
        self, stage: Stage, keep: Keep
    ) -> None:
        case = await stage.converted(held())
        await case.reaches("on_hold")
        (withdrawn,) = await case.grants(role="referee")
        await case.cancel(withdrawn.id)
        await case.skip(days=14, hours=1)
        assert await case.result() == "completed"
        assert [g.status for g in await case.grants(role="referee")] == ["cancelled"]
        assert [g.status for g in await case.grants(role="referrer")] == ["delivered"]
        assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)
        await keep("cancelled", case.handle)

    async def test_of_every_grant_ends_the_referral_without_waiting(self, stage: Stage) -> None:
        case = await stage.converted(held())
        await case.reaches("on_hold")
        for grant in await case.grants():
            await case.cancel(grant.id)
        assert await case.result() == "completed"
        assert await case.orders() == []
        assert (await case.events(source="staff")).count("grant.cancelled") == 2
        await assert_books_agree(stage.database)

    async def test_twice_is_refused(self, stage: Stage) -> None:
        case = await stage.converted(held())
        await case.reaches("on_hold")
        first, _ = await case.grants()
        await case.cancel(first.id)
        with pytest.raises(Refused, match="Only a held grant"):
            await case.cancel(first.id)


async def test_a_held_grant_cannot_be_retried(stage: Stage) -> None:
    case = await stage.converted(held())
    await case.reaches("on_hold")
    first, _ = await case.grants()
    with pytest.raises(Refused, match="Only a grant that needs attention"):
        await case.retry(first.id)
