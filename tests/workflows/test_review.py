"""A person decides before anything is ordered: approve releases, deny ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from domain.campaigns import CampaignTerms, Review
from store.tables import Budget, ReferrerProgress
from tests.auditing import assert_books_agree
from tests.builders import budget, one, terms
from tests.keeping import Keep
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.stage import Stage


def reviewed(**changes: timedelta) -> CampaignTerms:
    """Both sides' cards wait for a person; the budget covers exactly them."""
    return terms(review=Review.ALL, limits=budget(30_00), **changes)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(running: Stage) -> AsyncIterator[FrontDoor]:
    async with front_door(running) as door:
        yield door


async def waiting(stage: Stage, **changes: timedelta) -> Case:
    case = await stage.converted(reviewed(**changes))
    await case.reaches("in_review")
    return case


async def told_by_staff(door: FrontDoor, case: Case) -> list[tuple[str, str, str]]:
    timeline = await door.get(f"/v1/referrals/{case.id}/timeline")
    staff = [each for each in timeline["data"] if each["source"] == "staff"]
    return [(each["title"], each["detail"], each["actor"]) for each in staff]


class TestApprove:
    async def test_orders_both_cards_and_says_who_and_why(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        case = await waiting(stage)
        assert await case.orders() == []
        answer = await door.post(f"/v1/referrals/{case.id}/approve", reason="known customer")
        assert answer.status_code == 200, answer.text
        assert await case.result() == "completed"
        assert len(await case.cards()) == 2
        assert await told_by_staff(door, case) == [
            ("Approved by staff", "known customer", door.app_id)
        ]
        await assert_books_agree(stage.database)
        await keep("approved", case.handle)

    async def test_waits_however_long_and_only_after_the_hold(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case = await stage.converted(reviewed(hold=timedelta(days=14)))
        await case.reaches("on_hold")
        early = await door.post(f"/v1/referrals/{case.id}/approve")
        assert early.status_code == 409
        await case.skip(days=14, hours=1)
        await case.reaches("in_review")
        await eventually(lambda: case.grants(status="in_review", role="referrer"))
        assert await case.skip(days=60)
        assert [grant.status for grant in await case.grants()] == ["in_review"] * 2
        answer = await door.post(f"/v1/referrals/{case.id}/approve")
        assert answer.status_code == 200, answer.text
        assert await case.result() == "completed"
        assert len(await case.cards()) == 2

    async def test_approval_releases_what_is_left_after_one_reward_was_cancelled(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case = await waiting(stage)
        (first, _) = await case.grants()
        await door.ask("cancel", first.id)
        await eventually(lambda: case.grants(status="cancelled"))
        answer = await door.post(f"/v1/referrals/{case.id}/approve")
        assert answer.status_code == 200, answer.text
        assert await case.result() == "completed"
        assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)


class TestDeny:
    async def test_cancels_releases_and_rejects(
        self, stage: Stage, door: FrontDoor, keep: Keep
    ) -> None:
        case = await waiting(stage)
        answer = await door.post(f"/v1/referrals/{case.id}/deny", reason="two accounts, one home")
        assert answer.status_code == 200, answer.text
        await case.result()
        referral = await case.referral()
        assert (referral.status, referral.reason) == ("rejected", "Denied in review.")
        assert [grant.status for grant in await case.grants()] == ["cancelled"] * 2
        assert await case.orders() == []
        counted = await one(stage.database, ReferrerProgress, campaign_id=referral.campaign_id)
        assert (counted.unique_referees, counted.conversions) == (0, 1)
        free = await one(stage.database, Budget, campaign_id=referral.campaign_id)
        assert (free.reserved, free.committed) == (0, 0)
        assert await told_by_staff(door, case) == [
            ("Denied by staff", "two accounts, one home", door.app_id)
        ]
        await assert_books_agree(stage.database)
        await keep("denied", case.handle)

    async def test_after_a_denial_no_action_is_possible(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case = await waiting(stage)
        await door.post(f"/v1/referrals/{case.id}/deny")
        await case.result()
        for action in ("approve", "deny"):
            again = await door.post(f"/v1/referrals/{case.id}/{action}")
            assert again.json()["key"] == "not_allowed_in_state"


class TestAtOnce:
    async def test_approved_and_denied_only_one_happens(
        self, stage: Stage, door: FrontDoor
    ) -> None:
        case = await waiting(stage)
        path = f"/v1/referrals/{case.id}"
        answers = await asyncio.gather(
            door.post(f"{path}/approve"), door.post(f"{path}/deny"), door.post(f"{path}/approve")
        )
        assert {answer.status_code for answer in answers} <= {200, 409, 503}
        await case.result()
        statuses = {grant.status for grant in await case.grants()}
        assert statuses in ({"delivered"}, {"cancelled"})
        assert len(await case.cards()) == (2 if statuses == {"delivered"} else 0)
        await assert_books_agree(stage.database)


async def test_every_reward_cancelled_by_itself_ends_the_referral(
    stage: Stage, door: FrontDoor
) -> None:
    case = await waiting(stage)
    for grant in await case.grants():
        await door.ask("cancel", grant.id)
    assert await case.result() == "completed"
    assert (await case.referral()).status == "completed"
    await assert_books_agree(stage.database)


async def test_after_an_operator_ended_the_workflow_an_aftercare_decides(
    stage: Stage, door: FrontDoor
) -> None:
    case = await waiting(stage)
    await case.handle.terminate()
    answer = await door.post(f"/v1/referrals/{case.id}/approve", reason="goes on")
    assert answer.status_code == 200, answer.text
    await case.reaches("completed")
    assert len(await case.cards()) == 2
    await assert_books_agree(stage.database)
