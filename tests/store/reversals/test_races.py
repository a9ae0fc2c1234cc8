"""A reversal in the very moment of a qualification, an order, a delivery, another reversal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from domain.campaigns import OnReversal
from domain.messages import Next
from domain.orders import OrderState
from store.database import Database
from store.qualification.qualify import qualify
from store.reversals import take_back_card
from store.reversals.carry_out import carry_out, settle_grant
from store.reversals.request import request_reversal
from store.staff.cancel import credit_wallet
from store.tables import Grant, Referral, ReferrerProgress
from tests.auditing import assert_books_agree
from tests.builders import (
    add_programme,
    budget,
    convert,
    credits,
    every_friend,
    many_friends,
    one,
    rows,
    start_of,
    terms,
)
from tests.ordering import attempt, record, snapshot

ROUNDS = 8
ORDER = 90_00


async def friend(database: Database, code: str) -> Referral:
    return (await convert(database, code, order_amount=ORDER)).referrals[0]


async def reverse(database: Database, referral_id: str) -> None:
    """Accepted, and carried out until nothing is left but what a provider has to say."""
    async with database.transaction() as tx:
        await request_reversal(tx, referral_id, None, "sent back", None)
    await again(database, referral_id)


async def again(database: Database, referral_id: str) -> None:
    async with database.transaction() as tx:
        await carry_out(tx, referral_id)


async def at_once(*acts: Awaitable[Any]) -> None:
    await asyncio.gather(*acts)


async def test_a_reversal_races_a_qualification(database: Database) -> None:
    """Either it came first and there is nothing to grant, or its grants are cancelled."""
    programme = await add_programme(database, terms(limits=budget(600_00)))
    for _ in range(ROUNDS):
        referral = await friend(database, programme.code)
        start = start_of(referral)
        await at_once(qualify(database, start), reverse(database, referral.id))
        # As the workflow does behind its qualification.
        await again(database, referral.id)
        status = (await one(database, Referral, id=referral.id)).status
        assert status in ("rejected", "reversed")
    assert (await one(database, ReferrerProgress)).unique_referees == 0
    assert {grant.status for grant in await rows(database, Grant)} <= {"cancelled"}
    await assert_books_agree(database)


async def test_a_reversal_races_an_order_and_its_delivery(database: Database) -> None:
    """Cancelled before the first byte, or taken back when the answer has come; never neither."""
    of = terms(every_friend(), referee_reward=None, limits=budget(600_00))
    programme = await add_programme(database, of)
    for _ in range(ROUNDS):
        referral = await friend(database, programme.code)
        await qualify(database, start_of(referral))
        grant = await one(database, Grant, referral_id=referral.id)
        await at_once(order(database, grant.id), reverse(database, referral.id))
        async with database.transaction() as tx:
            undoing = await settle_grant(tx, grant.id)
        if undoing.next is Next.TAKE_BACK:
            async with database.transaction() as tx:
                await take_back_card.record_taken_back(tx, grant.id)
        assert (await one(database, Grant, id=grant.id)).status == "cancelled"
        assert (await one(database, Referral, id=referral.id)).status == "reversed"
    await assert_books_agree(database)


async def order(database: Database, grant_id: str) -> None:
    """Claim, send, record; nothing when the grant was cancelled before."""
    try:
        claimed = await attempt(database, grant_id)
    except AssertionError:
        return
    await record(database, claimed.order_id, snapshot(claimed, OrderState.ISSUED))


async def test_a_reversal_races_a_wallet_credit(database: Database) -> None:
    of = terms(every_friend(credits()), referee_reward=None, limits=budget(600_00))
    programme = await add_programme(database, of)
    for _ in range(ROUNDS):
        referral = await friend(database, programme.code)
        await qualify(database, start_of(referral))
        grant = await one(database, Grant, referral_id=referral.id)
        await at_once(credit(database, grant.id), reverse(database, referral.id))
        assert (await one(database, Grant, id=grant.id)).status == "cancelled"
    await assert_books_agree(database)


async def credit(database: Database, grant_id: str) -> None:
    async with database.transaction() as tx:
        await credit_wallet(tx, grant_id)


async def test_a_reversal_races_a_milestone(database: Database) -> None:
    """Whichever comes first, the milestone stands exactly when the count says so."""
    tier = many_friends(3, credits()).model_copy(update={"on_reversal": OnReversal.UNDO})
    of = terms(tier, referee_reward=None, limits=budget(600_00))
    for _ in range(ROUNDS):
        code = (await add_programme(database, of)).code
        friends = [await friend(database, code) for _ in range(4)]
        for each in friends[:2]:
            await qualify(database, start_of(each))
        await at_once(
            reverse(database, friends[0].id),
            qualify(database, start_of(friends[2])),
            qualify(database, start_of(friends[3])),
        )
        progress = await one(database, ReferrerProgress, campaign_id=friends[0].campaign_id)
        assert (progress.unique_referees, progress.conversions) == (3, 4)
        (grant,) = await rows(database, Grant, campaign_id=friends[0].campaign_id)
        assert (grant.status, grant.ordinal) == ("ordering", 1)
    await assert_books_agree(database)
