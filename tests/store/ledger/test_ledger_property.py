"""Whatever happens to grants, in whatever order: every transaction sums to zero per currency, and
the balances are what grants and orders say."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from domain.campaigns import CampaignTerms, OnReversal
from domain.grants import AT_REST
from domain.messages import StaffRequest
from domain.money import Money
from domain.orders import DeliveryState, OrderSnapshot, OrderState
from domain.refusals import Refusal
from store.counts.fold import fold
from store.database import Database
from store.grants import wallets
from store.ledger import rollup
from store.ledger.balances import Which
from store.ledger.balances import balances as read_balances
from store.orders import attempts
from store.orders.attempts import Attempt
from store.qualification.qualify import qualify
from store.reversals import take_back_card
from store.reversals.carry_out import carry_out, settle_grant
from store.reversals.request import request_reversal
from store.staff import cancel as grants
from store.tables import Grant, Order, Referral, WalletCredit
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    add_programme,
    alter,
    budget,
    convert,
    credits,
    every_friend,
    gift_card,
    in_past,
    many_friends,
    points,
    rows,
    start_of,
    terms,
)
from tests.ordering import attempt, record, snapshot

EXAMPLES = int(os.environ.get("GUERDON_EXAMPLES", "10"))
"""Sequences; more of them find what is rarer."""
PART = 50
"""Sequences per database. Each check reads all books in the database, so more would be slow."""
ORDER = 90_00


def everything() -> CampaignTerms:
    """Cards, credits that expire, points, and milestones that are undone; little money."""
    milestone = many_friends(2, gift_card(25_00), repeat=True)
    return terms(
        every_friend(gift_card(), id="tier_card"),
        every_friend(points(33), id="tier_points"),
        milestone.model_copy(update={"on_reversal": OnReversal.UNDO}),
        referee_reward=credits(10_01).model_copy(update={"valid_for": timedelta(days=1)}),
        limits=budget(220_00),
    )


class World:
    """One campaign, and whatever is done in it."""

    def __init__(self, database: Database, code: str, campaign_id: str) -> None:
        self.database, self.code, self.campaign_id = database, code, campaign_id

    async def friend(self, pick: int) -> None:
        accepted = await convert(self.database, self.code, order_amount=ORDER)
        await qualify(self.database, start_of(accepted.referrals[0]))

    async def order(self, pick: int) -> None:
        """Send it; the provider answers with a card, with silence, or with a definite no."""
        grant = await self._grant(pick, lambda one: one.kind == "gift_card")
        if grant is None:
            return
        claimed = await _claimed(self.database, grant.id)
        if claimed and pick % 4 == 0:
            async with self.database.transaction() as tx:
                await attempts.record_refused(tx, claimed, "no")
                await grants.park(tx, grant.id, grants.Attention.ORDER_REJECTED, "no")
        elif claimed and pick % 4 != 1:
            state = OrderState.PENDING if pick % 4 == 2 else OrderState.ISSUED
            await record(self.database, claimed.order_id, snapshot(claimed, state))

    async def order_anew(self, pick: int) -> None:
        """Refused for good, it is ordered a second time, under the next generation's key."""
        grant = await self._grant(pick, lambda one: one.kind == "gift_card")
        refused = await _claimed(self.database, grant.id) if grant else None
        if grant is None or refused is None:
            return
        async with self.database.transaction() as tx:
            if not await attempts.record_refused(tx, refused, "no"):
                return
        again = await _claimed(self.database, grant.id)
        if again:
            await record(self.database, again.order_id, snapshot(again))

    async def order_at_a_price(self, pick: int) -> None:
        """The provider charges more or less than the card's value, or in another currency."""
        grant = await self._grant(pick, lambda one: one.kind == "gift_card")
        claimed = await _claimed(self.database, grant.id) if grant else None
        if claimed:
            face = claimed.request.face.amount
            charged = Money(amount=face + pick % 300 - 100, currency=("USD", "EUR")[pick % 2])
            said = snapshot(claimed, charged=charged)
            await record(self.database, claimed.order_id, said)

    async def lose(self, pick: int) -> None:
        """The provider withdraws a card that it had issued."""
        mine = {one.id for one in await rows(self.database, Grant, campaign_id=self.campaign_id)}
        issued = [
            order
            for order in await rows(self.database, Order, state=OrderState.ISSUED)
            if order.grant_id in mine
        ]
        if issued:
            order = issued[pick % len(issued)]
            said = OrderSnapshot(
                provider_order_id=str(order.provider_order_id),
                key=order.key,
                state=OrderState.CANCELLED,
                delivery=DeliveryState.PENDING,
                raw_status="Voided",
            )
            await record(self.database, order.id, said)

    async def credit(self, pick: int) -> None:
        grant = await self._grant(pick, lambda one: one.kind != "gift_card")
        if grant:
            async with self.database.transaction() as tx:
                await grants.credit_wallet(tx, grant.id)

    async def reverse(self, pick: int) -> None:
        referrals = await rows(self.database, Referral, campaign_id=self.campaign_id)
        if not referrals:
            return
        referral = referrals[pick % len(referrals)]
        refunded = None if pick % 3 == 0 else 1 + pick * 7 % ORDER
        async with self.database.transaction() as tx:
            await request_reversal(tx, referral.id, refunded, "sent back", f"refund-{pick}")
        async with self.database.transaction() as tx:
            await carry_out(tx, referral.id)

    async def ask_provider(self, pick: int) -> None:
        """What is due of an issued card: taken back, or not."""
        grant = await self._grant(pick, lambda one: one.reversal_due > one.reversed_amount)
        if grant is None:
            return
        async with self.database.transaction() as tx:
            card = await take_back_card.card_to_cancel(tx, grant.id)
        async with self.database.transaction() as tx:
            if card and pick % 2:
                await take_back_card.record_taken_back(tx, grant.id)
            else:
                await settle_grant(tx, grant.id, keeps=card is not None)

    async def cancel(self, pick: int) -> None:
        grant = await self._grant(pick, lambda one: one.status not in AT_REST)
        if grant:
            async with self.database.transaction() as tx:
                request = StaffRequest(grant_id=grant.id, actor="app_staff")
                await grants.cancel(tx, request, "referral:x")

    async def use(self, pick: int) -> None:
        for credit in await rows(self.database, WalletCredit):
            async with self.database.transaction() as tx:
                amount = 1 + pick % 1000
                await wallets.use(tx, credit.customer_id, credit.unit, amount, f"use-{pick}")

    async def expire(self, pick: int) -> None:
        credits = await rows(self.database, WalletCredit, unit="USD")
        if credits:
            await alter(self.database, credits[pick % len(credits)], expires_at=in_past(seconds=1))
        async with self.database.transaction() as tx:
            await wallets.expire(tx)

    async def sum_up(self, pick: int) -> None:
        await rollup.sum_up(self.database)
        await fold(self.database)

    async def _grant(self, pick: int, where: Callable[[Grant], bool]) -> Grant | None:
        found = await rows(self.database, Grant, campaign_id=self.campaign_id)
        suited = [grant for grant in found if where(grant)]
        return suited[pick % len(suited)] if suited else None


async def _claimed(database: Database, grant_id: str) -> Attempt | None:
    """Nobody else is at it, unless an attempt's claim still holds."""
    try:
        return await attempt(database, grant_id, timedelta(0))
    except AssertionError:
        return None


ACTS: list[Callable[[World, int], Awaitable[None]]] = [
    World.friend,
    World.friend,
    World.order,
    World.order,
    World.order_anew,
    World.order_at_a_price,
    World.lose,
    World.credit,
    World.reverse,
    World.reverse,
    World.ask_provider,
    World.cancel,
    World.use,
    World.expire,
    World.sum_up,
]
_STEP = some.tuples(some.sampled_from(ACTS), some.integers(0, 1000))


class TestAnySequence:
    @pytest.mark.timeout(3600)
    @pytest.mark.parametrize("part", range(-(-EXAMPLES // PART)))
    @settings(
        max_examples=min(PART, EXAMPLES),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps=some.lists(_STEP, min_size=6, max_size=18))
    async def test_leaves_books_that_agree(
        self,
        part: int,
        database: Database,
        steps: list[tuple[Callable[[World, int], Awaitable[None]], int]],
    ) -> None:
        programme = await add_programme(database, everything())
        world = World(database, programme.code, programme.campaign_id)
        await world.friend(0)
        for act, pick in steps:
            try:
                await act(world, pick)
            except Refusal:
                # What is not allowed now leaves nothing behind: the books are the judge.
                continue
        await assert_books_agree(database)
        await assert_sums_agree(database)


async def assert_sums_agree(database: Database) -> None:
    """What the product answers is what the entries come to, however much is summed up."""
    plain = {key: total for key, total in (await balances(database)).items()}
    async with database.reading() as session:
        found, total, more, _ = await read_balances(session, Which(limit=100_000))
    assert {(one.account, one.currency): one.balance for one in found} == plain
    assert (total, more) == (len(plain), False)
