"""Reversals end to end: real Temporal, real PostgreSQL, a provider over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.campaigns import CampaignTerms
from domain.ids import aftercare_workflow_id
from domain.purchases import OrderIds
from store.outbox.messages import redrive
from store.reversals.by_order import reverse_order
from store.reversals.order_refund import OrderRefund
from store.reversals.request import request_reversal
from store.tables import Intake, Reversal
from tests.auditing import assert_books_agree, balances
from tests.builders import add_programme, budget, gift_card, number, rows, terms
from tests.workflows.case import Case, eventually
from tests.workflows.stage import Stage

PROVIDERS = ["giftcard-partners", "giftbit"]
ORDER = 300_00


def single(card: dict[str, str] | None = None, **changes: Any) -> CampaignTerms:
    """One gift card, the friend's."""
    reward = gift_card(**card or {})
    return terms(referee_reward=reward, tiers=(), limits=budget(600_00), **changes)


GIFTBIT = {"provider": "giftbit", "product_id": "amazonus", "delivery": "email"}


async def reverse(stage: Stage, case: Case, amount: int | None = None) -> str:
    """Accepted as the API does, and sent; answers the reversal's id."""
    async with stage.database.transaction() as tx:
        accepted = await request_reversal(
            tx, case.id, amount, "sent back", f"refund {number()}", order_amount=amount and ORDER
        )
    await stage.send(accepted.intake)
    (message,) = accepted.intake
    assert message.reversal_id is not None
    stage.watch(aftercare_workflow_id(case.id, message.reversal_id))
    return message.reversal_id


async def carried_out(stage: Stage, reversal_id: str) -> None:
    """Wait until its share is set on every grant."""

    async def done() -> bool:
        found = await rows(stage.database, Reversal, id=reversal_id)
        return found[0].carried_out_at is not None

    await eventually(done)


async def test_before_the_conversion_it_ends_the_referral(stage: Stage) -> None:
    case = await stage.signed_up(single())
    await reverse(stage, case)
    assert await case.result() == "rejected"
    assert (await case.referral()).status == "rejected"
    assert await case.grants() == []


async def test_during_the_hold_nothing_is_ordered(stage: Stage) -> None:
    case = await stage.converted(single(hold=timedelta(days=14)))
    await case.reaches("on_hold")
    await reverse(stage, case)
    await case.result()
    assert (await case.referral()).status == "reversed"
    assert await case.cards() == []
    await assert_books_agree(stage.database)


async def test_after_delivery_an_aftercare_books_what_is_owed(stage: Stage) -> None:
    """The provider cancels nothing, the workflow has closed."""
    case = await stage.converted(single())
    assert await case.result() == "completed"
    reversal_id = await reverse(stage, case)
    await stage.watch(aftercare_workflow_id(case.id, reversal_id)).result()
    assert (await case.referral()).status == "reversed"
    held = await balances(stage.database)
    assert held[f"receivable/{case.referee_id}", "USD"] == 15_00
    assert len(await case.cards()) == 1
    await assert_books_agree(stage.database)


async def test_after_delivery_the_card_is_cancelled_where_that_is_possible(stage: Stage) -> None:
    case = await stage.converted(single(card=GIFTBIT))
    assert await case.result() == "completed"
    reversal_id = await reverse(stage, case)
    await stage.watch(aftercare_workflow_id(case.id, reversal_id)).result()
    assert [grant.status for grant in await case.grants()] == ["cancelled"]
    assert [card["state"] for card in await case.cards()] == ["cancelled"]
    held = await balances(stage.database)
    assert held["provider/giftbit/cards", "USD"] == 0
    await assert_books_agree(stage.database)


async def test_while_the_outcome_is_unknown_it_waits_for_the_answer(stage: Stage) -> None:
    await stage.simulator.put("hold", point="received")
    case = await stage.converted(single(card=GIFTBIT))
    await eventually(stage.simulator.held)
    reversal_id = await reverse(stage, case)
    await carried_out(stage, reversal_id)
    assert [grant.status for grant in await case.grants()] == ["ordering"]
    await stage.simulator.put("hold", point=None)
    await case.result()
    assert [grant.status for grant in await case.grants()] == ["cancelled"]
    assert [card["state"] for card in await case.cards()] == ["cancelled"]
    await assert_books_agree(stage.database)


async def test_parked_it_needs_no_person_any_more(stage: Stage) -> None:
    await stage.simulator.funds(0)
    case = await stage.converted(single())
    await case.parked("insufficient_funds")
    await reverse(stage, case)
    await case.result()
    assert (await case.referral()).status == "reversed"
    await stage.simulator.funds(100_00)
    assert await case.cards() == []
    await assert_books_agree(stage.database)


async def test_a_share_during_the_hold_makes_the_card_smaller(stage: Stage) -> None:
    case = await stage.converted(single(hold=timedelta(days=14)))
    await case.reaches("on_hold")
    await carried_out(stage, await reverse(stage, case, 100_00))
    await case.skip(days=15)
    assert await case.result() == "completed"
    assert [card["amount"] for card in await case.cards()] == [10_00]
    await assert_books_agree(stage.database)


async def refunded_early(stage: Stage, amount: int | None) -> Case:
    """The refund comes first, then the purchase; its messages are sent in that order."""
    programme, order = await add_programme(stage.database, single()), f"order-{number()}"
    refund = OrderRefund(
        order_id=order, refunded=amount, reason="sent back", identity=f"refund {number()}"
    )
    async with stage.database.transaction() as tx:
        assert await reverse_order(tx, refund) == []
    ids = OrderIds(source_ids=(order,))
    return await stage.converted_with(programme.code, orders=ids, order_amount=ORDER)


async def test_before_the_purchase_all_of_it_leaves_nothing_to_order(stage: Stage) -> None:
    case = await refunded_early(stage, None)
    assert await case.result() == "rejected"
    assert (await case.grants(), await case.cards()) == ([], [])
    await assert_books_agree(stage.database)


async def test_before_the_purchase_a_share_makes_the_card_smaller(stage: Stage) -> None:
    """No hold gives it time: the share is taken off before the order is sent."""
    case = await refunded_early(stage, 100_00)
    assert await case.result() == "completed"
    assert [card["amount"] for card in await case.cards()] == [10_00]
    assert (await balances(stage.database)).get((f"receivable/{case.referee_id}", "USD"), 0) == 0
    await assert_books_agree(stage.database)


async def test_accepted_while_temporal_is_away_it_is_redriven(stage: Stage) -> None:
    """The commit is what counts: the message that was never sent is in the intake."""
    case = await stage.signed_up(single())
    async with stage.database.transaction() as tx:
        accepted = await request_reversal(tx, case.id, None, "fraud", None)
    (left,) = await rows(stage.database, Intake, id=accepted.intake[0].id)
    assert left.sent_at is None
    assert await redrive(stage.database, stage.client, older_than=timedelta(0)) == 1
    assert await case.result() == "rejected"
