"""The referral's own transactions, as activities: each answers a repeat like the first time."""

from __future__ import annotations

import pytest
from temporalio.testing import ActivityEnvironment

from activities.referrals import ReferralActivities
from domain.grants import Attention, GrantStatus
from domain.messages import Next, Park, StaffRequest, Step
from domain.referrals import ReferralStatus
from domain.refusals import NotAllowedInState
from domain.staff import Action
from store.database import Database, now
from store.tables import Event, Grant, LedgerEntry, Referral, StaffAction
from tests.auditing import assert_books_agree
from tests.builders import (
    add_grant,
    add_programme,
    convert,
    credits,
    one,
    rows,
    sign_up,
    start_of,
    words_of,
)
from tests.ordering import attempt, deliver


@pytest.fixture
def referrals(database: Database) -> ReferralActivities:
    return ReferralActivities(database)


async def test_qualify_decides_once(database: Database, referrals: ReferralActivities) -> None:
    programme = await add_programme(database)
    referral = (await convert(database, programme.code)).referrals[0]
    run = ActivityEnvironment().run
    first = await run(referrals.qualify, start_of(referral))
    assert await run(referrals.qualify, start_of(referral)) == first
    assert len(first.grants) == len(await rows(database, Grant)) == 2


async def test_expire_ends_a_waiting_referral_once(
    database: Database, referrals: ReferralActivities
) -> None:
    referral = await sign_up(database, (await add_programme(database)).code)
    run = ActivityEnvironment().run
    first = await run(referrals.expire, start_of(referral))
    assert await run(referrals.expire, start_of(referral)) == first
    assert (await one(database, Referral)).status == ReferralStatus.EXPIRED
    assert len(await rows(database, Event, type="referral.expired")) == 1


async def test_credit_wallet_credits_once(
    database: Database, referrals: ReferralActivities
) -> None:
    grant = await add_grant(database, credits())
    for _ in range(3):
        step = await ActivityEnvironment().run(referrals.credit_wallet, grant.id)
        assert step == Step(next=Next.REST)
    assert len(await rows(database, LedgerEntry, kind="credit")) == 2
    await assert_books_agree(database)


async def test_cancel_withdraws_once(database: Database, referrals: ReferralActivities) -> None:
    grant = await add_grant(database)
    request = StaffRequest(grant_id=grant.id, actor="app_staff")
    for _ in range(3):
        step = await ActivityEnvironment().run(referrals.cancel, request)
        assert step == Step(next=Next.REST)
    assert (await one(database, Grant)).status == GrantStatus.CANCELLED
    await assert_books_agree(database)


async def test_cancel_of_a_delivered_grant_is_refused_by_name(
    database: Database, referrals: ReferralActivities
) -> None:
    grant = await add_grant(database)
    await deliver(database, grant.id)
    request = StaffRequest(grant_id=grant.id, actor="app_staff")
    with pytest.raises(NotAllowedInState):
        await ActivityEnvironment().run(referrals.cancel, request)


async def test_park_sets_an_order_in_doubt_aside_as_unknown(
    database: Database, referrals: ReferralActivities
) -> None:
    grant = await add_grant(database)
    await attempt(database, grant.id)
    request = Park(grant_id=grant.id, attention=Attention.UNEXPECTED, detail="Gave up for now")
    for _ in range(2):
        step = await ActivityEnvironment().run(referrals.park, request)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.OUTCOME_UNKNOWN)
    assert len(await rows(database, Event, type="grant.outcome_unknown")) == 1


async def test_note_retry_leaves_a_line(database: Database, referrals: ReferralActivities) -> None:
    grant = await add_grant(database)
    asked = StaffAction(
        id="sa_1",
        action=Action.RETRY,
        referral_id=grant.referral_id,
        grant_id=grant.id,
        actor="app_staff",
        reason="funded",
        created_at=now(),
    )
    async with database.transaction() as tx:
        tx.session.add(asked)
    request = StaffRequest(grant_id=grant.id, actor="app_staff", request_id=asked.id)
    await ActivityEnvironment().run(referrals.note_retry, request)
    retried = await one(database, Event, type="grant.retry")
    assert await words_of(database, retried) == "funded"
