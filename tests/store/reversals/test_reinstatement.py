"""A referral that was undone and is brought back: judged anew, with the same rewards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.campaigns import OnReversal, Review
from domain.messages import Next, ReviewRequest, StaffRequest
from domain.purchases import NO_ORDER, OrderIds
from domain.refusals import CannotCount, NotAllowedInState
from domain.reversal import Cause
from store.database import Database
from store.qualification.qualify import judge_again
from store.referrals.attribute import convert
from store.referrals.reinstatement import request_reinstatement
from store.reversals import carry_out as reversing
from store.reversals import take_back_card
from store.reversals.request import request_reversal
from store.staff import cancel as grants
from store.staff import review
from store.tables import (
    Grant,
    Intake,
    Order,
    Referral,
    ReferrerProgress,
    Reversal,
    StaffAction,
    WalletCredit,
)
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    add_customer,
    add_programme,
    alter,
    budget,
    conversion,
    credits,
    many_friends,
    one,
    points,
    qualify,
    rows,
    sign_up,
    terms,
)
from tests.ordering import attempt, deliver

ORDER = {"orders": OrderIds(source_ids=("order-1",)), "order_amount": 300_00}
UNDO = many_friends(1, points(100)).model_copy(update={"on_reversal": OnReversal.UNDO})


class Story:
    """One friend's referral and its purchase."""

    def __init__(self, database: Database, code: str, friend: str, referral_id: str) -> None:
        self.database, self.code, self.friend, self.id = database, code, friend, referral_id

    async def buy(self, event_id: str, **changes: Any) -> bool:
        """The purchase's event again, or another one; whether anything came of it."""
        request = conversion(self.friend, self.code, event_id=event_id, **ORDER | changes)
        async with self.database.transaction() as tx:
            return bool((await convert(tx, request)).intake)

    async def reverse(self, cause: Cause = Cause.REFUND, amount: int | None = None) -> None:
        async with self.database.transaction() as tx:
            identity = f"refund-{len(await rows(self.database, Reversal))}"
            await request_reversal(tx, self.id, amount, "sent back", identity, cause=cause)
        await self.carry_out()

    async def reinstate(self) -> int:
        """As staff ask for it; answers how many messages that makes."""
        async with self.database.transaction() as tx:
            return len(await request_reinstatement(tx, self.id, "a mistake", actor="act_1"))

    async def carry_out(self) -> list[str]:
        """As the workflow does; answers the grants that it then carries."""
        async with self.database.transaction() as tx:
            answer = await reversing.carry_out(tx, self.id)
        if not answer.judge:
            return []
        return [
            task.grant_id
            for task in (await judge_again(self.database, self.id, "aftercare:x")).grants
        ]

    async def grant(self) -> Grant:
        return await one(self.database, Grant, role="referee")

    async def status(self) -> str:
        return (await one(self.database, Referral, id=self.id)).status

    async def friends(self) -> int:
        return (await one(self.database, ReferrerProgress)).unique_referees


async def bought(database: Database, **changes: Any) -> Story:
    given: dict[str, Any] = {"tiers": (UNDO,), "limits": budget(600_00)}
    programme = await add_programme(database, terms(**given | changes))
    friend = await add_customer(database)
    await qualify(database, programme.code, friend, event_id="evt-1", **ORDER)
    referral = await one(database, Referral)
    return Story(database, programme.code, friend, referral.id)


async def test_the_same_rewards_are_given_again(database: Database) -> None:
    story = await bought(database, hold=timedelta(days=14))
    before = {grant.id: grant.amount for grant in await rows(database, Grant)}
    await story.reverse()
    assert (await story.status(), await story.friends()) == ("reversed", 0)
    assert await story.reinstate() == 1
    assert set(await story.carry_out()) == set(before)
    assert (await story.status(), await story.friends()) == ("on_hold", 1)
    assert {grant.id: grant.amount for grant in await rows(database, Grant)} == before
    assert (await one(database, Referral)).ordinal == 1
    await assert_books_agree(database)
    assert await story.carry_out() == []


async def test_it_can_be_reversed_and_brought_back_again(database: Database) -> None:
    story = await bought(database, hold=timedelta(days=14))
    for _ in range(3):
        await story.reverse()
        assert (await story.status(), await story.friends()) == ("reversed", 0)
        await story.reinstate()
        await story.carry_out()
        assert (await story.status(), await story.friends()) == ("on_hold", 1)
    assert len(await rows(database, Grant)) == 2
    assert (await one(database, ReferrerProgress)).conversions == 1
    await assert_books_agree(database)


async def test_a_new_event_of_the_same_order_brings_it_back(database: Database) -> None:
    story = await bought(database)
    await story.reverse(Cause.ROLLBACK)
    assert await story.buy("evt-2")
    await story.carry_out()
    assert (await story.status(), await story.friends()) == ("fulfilling", 1)
    assert ((await one(database, Referral)).conversion or {})["event_id"] == "evt-2"
    await assert_books_agree(database)


async def test_a_late_repeat_of_a_heard_event_does_not(database: Database) -> None:
    story = await bought(database)
    await story.reverse()
    assert not await story.buy("evt-1")
    assert await story.buy("evt-2")
    await story.carry_out()
    await story.reverse()
    for heard in ("evt-1", "evt-2"):
        assert not await story.buy(heard)
    assert await story.status() == "reversed"


async def test_another_order_does_not_reinstate_the_referral(database: Database) -> None:
    story = await bought(database)
    await story.reverse()
    assert not await story.buy("evt-2", orders=OrderIds(source_ids=("order-2",)))
    assert not await story.buy("evt-3", orders=NO_ORDER)
    assert await story.carry_out() == []
    assert await story.status() == "reversed"


async def test_a_cancelled_order_does_not(database: Database) -> None:
    story = await bought(database)
    await story.reverse()
    with pytest.raises(CannotCount):
        await story.buy("evt-2", order_status="CANCELED")


@pytest.mark.parametrize("cause", [Cause.FINDING, Cause.DENIAL])
async def test_nothing_but_a_person_brings_back_what_was_found_to_be_wrong(
    database: Database, cause: Cause
) -> None:
    story = await bought(database)
    await story.reverse(cause)
    assert not await story.buy("evt-2")
    assert await story.reinstate() == 1
    await story.carry_out()
    assert await story.status() == "fulfilling"


async def test_before_anything_was_undone_it_stays_as_it_was(database: Database) -> None:
    """The refund waits for its workflow, and so does the purchase that follows it."""
    story = await bought(database)
    before = await rows(database, Grant)
    async with database.transaction() as tx:
        await request_reversal(tx, story.id, None, "sent back", "refund-1")
    assert await story.buy("evt-2")
    assert await story.carry_out() == []
    assert [grant.status for grant in await rows(database, Grant)] == [
        grant.status for grant in before
    ]
    assert (await story.status(), await story.friends()) == ("fulfilling", 1)
    assert {row.carried_out_at is None for row in await rows(database, Reversal)} == {False}
    await assert_books_agree(database)


async def test_the_debt_for_a_card_that_stays_is_cancelled(database: Database) -> None:
    story = await bought(database)
    grant = await story.grant()
    await deliver(database, grant.id)
    await story.reverse()
    async with database.transaction() as tx:
        await reversing.settle_grant(tx, grant.id, keeps=True)
    assert (await balances(database))[f"receivable/{story.friend}", "USD"] == 15_00
    await story.reinstate()
    assert grant.id not in await story.carry_out()
    assert (await balances(database))[f"receivable/{story.friend}", "USD"] == 0
    assert (await story.grant()).status == "delivered"
    assert len(await rows(database, Order)) == 1
    await assert_books_agree(database)


async def test_a_new_order_follows_a_confirmed_cancellation_only(database: Database) -> None:
    story = await bought(database)
    grant = await story.grant()
    await deliver(database, grant.id)
    await story.reverse()
    async with database.transaction() as tx:
        await take_back_card.record_taken_back(tx, grant.id)
    assert (await story.grant()).status == "cancelled"
    await story.reinstate()
    assert grant.id in await story.carry_out()
    claimed = await attempt(database, grant.id)
    orders = {order.id: order for order in await rows(database, Order)}
    assert [order.generation for order in orders.values()] == [1, 2]
    assert orders[claimed.order_id].generation == 2
    await assert_books_agree(database)


async def test_a_card_whose_cancellation_was_asked_for_is_ordered_once_it_is_confirmed(
    database: Database,
) -> None:
    story = await bought(database)
    grant = await story.grant()
    await deliver(database, grant.id)
    await story.reverse()
    await story.reinstate()
    await story.carry_out()
    assert (await story.grant()).status == "delivered"
    async with database.transaction() as tx:
        step = await take_back_card.record_taken_back(tx, grant.id)
    assert step.next is Next.ORDER
    await assert_books_agree(database)


async def test_a_wallet_is_credited_again(database: Database) -> None:
    story = await bought(database, referee_reward=credits(15_00))
    grant = await story.grant()
    async with database.transaction() as tx:
        await grants.credit_wallet(tx, grant.id)
    await story.reverse()
    await story.reinstate()
    assert grant.id in await story.carry_out()
    async with database.transaction() as tx:
        await grants.credit_wallet(tx, grant.id)
    assert sum(credit.remaining for credit in await rows(database, WalletCredit)) == 15_00
    await assert_books_agree(database)


async def test_a_grant_cancelled_by_staff_stays_cancelled(database: Database) -> None:
    story = await bought(database, hold=timedelta(days=14))
    grant = await story.grant()
    async with database.transaction() as tx:
        request = StaffRequest(grant_id=grant.id, actor="act_1")
        await grants.cancel(tx, request, "referral:x")
    await story.reverse()
    await story.reinstate()
    assert grant.id not in await story.carry_out()
    assert (await story.grant()).status == "cancelled"
    await assert_books_agree(database)


async def test_a_denied_referral_is_decided_anew(database: Database) -> None:
    story = await bought(database, tiers=(), review=Review.ALL)
    async with database.transaction() as tx:
        tx.session.add(
            StaffAction(
                id="sa_1", action="deny", referral_id=story.id, actor="act_1", created_at=tx.now
            )
        )
    async with database.transaction() as tx:
        await review.deny(
            tx, ReviewRequest(referral_id=story.id, actor="act_1", request_id="sa_1"), "x"
        )
    await story.carry_out()
    assert await story.status() == "rejected"
    assert not await story.buy("evt-2")
    await story.reinstate()
    await story.carry_out()
    assert ((await story.grant()).status, await story.status()) == ("in_review", "in_review")
    await assert_books_agree(database)


async def test_a_reinstated_referral_is_judged_anew(database: Database) -> None:
    """The budget went to others in the meantime."""
    story = await bought(database, tiers=(), limits=budget(15_00))
    await story.reverse()
    await qualify(
        database, story.code, orders=OrderIds(source_ids=("order-2",)), order_amount=300_00
    )
    await story.reinstate()
    await story.carry_out()
    referral = await one(database, Referral, id=story.id)
    assert (referral.status, referral.verdicts[-1]["check"]) == ("rejected", "budget")
    await assert_books_agree(database)


async def test_asked_for_twice_it_is_done_once(database: Database) -> None:
    story = await bought(database)
    await story.reverse()
    assert [await story.reinstate(), await story.reinstate()] == [1, 0]
    assert not await story.buy("evt-2")
    assert len([row for row in await rows(database, Intake) if row.reversal_id]) == 2


@pytest.mark.parametrize("status", ["waiting", "converted", "on_hold", "expired"])
async def test_only_what_ended_without_a_reward_is_brought_back(
    database: Database, status: str
) -> None:
    programme = await add_programme(database)
    referral = await sign_up(database, programme.code)
    await alter(database, referral, status=status)
    async with database.transaction() as tx:
        with pytest.raises(NotAllowedInState):
            await request_reinstatement(tx, referral.id, "why not", actor="act_1")


async def test_rejected_anew_it_stays_so_when_another_refund_takes_its_milestone(
    database: Database,
) -> None:
    """The second friend had reached the milestone, and the order is a third one's by now."""
    two = many_friends(2, points(100)).model_copy(update={"on_reversal": OnReversal.UNDO})
    programme = await add_programme(database, terms(two, limits=budget(600_00)))
    await qualify(database, programme.code)
    (first,) = await rows(database, Referral)
    friend = await add_customer(database)
    await qualify(database, programme.code, friend, event_id="evt-1", **ORDER)
    second = await one(database, Referral, referee_id=friend)
    story = Story(database, programme.code, friend, second.id)
    await story.reverse()
    await qualify(database, programme.code, event_id="evt-2", **ORDER)
    await story.reinstate()
    async with database.transaction() as tx:
        await reversing.carry_out(tx, second.id)
    await judge_again(database, second.id, "aftercare")
    assert (await one(database, Referral, id=second.id)).status == "rejected"
    await Story(database, programme.code, first.referee_id, first.id).reverse()
    assert (await one(database, Referral, id=second.id)).status == "rejected"
    await assert_books_agree(database)
