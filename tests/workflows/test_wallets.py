"""Rewards that Guerdon keeps itself: credits and points, posted to the person's wallet."""

from __future__ import annotations

from datetime import timedelta

from domain.messages import UPKEEP_WORKFLOW, WORKFLOW_QUEUE
from store.ledger import taxes
from store.tables import AccountSum, LedgerEntry, WalletCredit
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    alter,
    budget,
    credits,
    every_friend,
    in_past,
    many_friends,
    points,
    rows,
    terms,
)
from tests.keeping import Keep
from tests.workflows.case import eventually
from tests.workflows.stage import Stage


async def test_points_and_credits_end_in_wallets(stage: Stage) -> None:
    of = terms(every_friend(credits(10_00)), referee_reward=points(500), limits=budget(10_00))
    case = await stage.converted(of)
    assert await case.result() == "completed"
    ledger = await balances(stage.database)
    assert ledger[f"wallet/{case.referee_id}", "POINTS"] == 500
    assert ledger[f"wallet/{case.referrer_id}", "USD"] == 10_00
    assert [grant.status for grant in await case.grants()] == ["delivered"] * 2
    assert await case.orders() == []
    await assert_books_agree(stage.database)


async def test_a_milestones_reward_reaches_the_same_wallet(stage: Stage) -> None:
    of = terms(every_friend(points(5)), many_friends(1, points(50)), referee_reward=None)
    case = await stage.converted(of)
    assert await case.result() == "completed"
    assert (await balances(stage.database))[f"wallet/{case.referrer_id}", "POINTS"] == 55


async def test_one_referral_orders_a_card_and_credits_points(stage: Stage) -> None:
    case = await stage.converted(terms(every_friend(points(5))))
    assert await case.result() == "completed"
    assert [card["amount"] for card in await case.cards()] == [15_00]
    assert (await balances(stage.database))[f"wallet/{case.referrer_id}", "POINTS"] == 5


async def test_a_rejected_conversion_credits_nothing(stage: Stage, keep: Keep) -> None:
    dear = terms(every_friend(credits(6_00)), referee_reward=credits(6_00), limits=budget(12_00))
    case = await stage.signed_up(dear)
    # Another friend of the same campaign takes the budget first.
    other = await stage.converted_with(case.code)
    assert await other.result() == "completed"
    await case.convert()
    assert await case.result() == "rejected"
    assert "does not fit into the 0 left" in ((await case.referral()).reason or "")
    assert await case.grants() == []
    entries = await rows(stage.database, LedgerEntry, account=f"wallet/{case.referee_id}")
    assert entries == []
    await assert_books_agree(stage.database)
    await keep("rejected", case.handle)


async def test_credits_past_the_years_threshold_wait_for_the_form(stage: Stage, keep: Keep) -> None:
    """Parked like a card: a retry without the form parks them again, with it they are credited."""
    async with stage.database.transaction() as tx:
        await taxes.set_threshold(tx, "USD", 40_00, "W-9", actor="app_finance")
    case = await stage.converted(terms(every_friend(credits(50_00)), referee_reward=points(5)))
    grant = await case.parked("tax_form_missing")
    await case.reaches("needs_attention")
    assert (grant.kind, "W-9" in (grant.attention_detail or "")) == ("gift_credits", True)

    async def retried() -> bool:
        return "grant.retry" in await case.events()

    await case.retry(grant.id)
    await eventually(retried)
    await case.parked("tax_form_missing")
    assert await rows(stage.database, WalletCredit, customer_id=case.referrer_id) == []

    async with stage.database.transaction() as tx:
        await taxes.record_form(tx, case.referrer_id, "W-9", actor="app_support")
    await case.retry(grant.id)
    assert await case.result() == "completed"
    ledger = await balances(stage.database)
    assert ledger[f"wallet/{case.referrer_id}", "USD"] == 50_00
    await assert_books_agree(stage.database)
    await keep("tax_form_missing", case.handle)


async def test_expired_credits_are_booked_and_the_ledger_is_summed_up(stage: Stage) -> None:
    """By the sweep that a schedule fires."""
    lasting = credits(10_00).model_copy(update={"valid_for": timedelta(days=1)})
    case = await stage.converted(terms(tiers=(), referee_reward=lasting))
    assert await case.result() == "completed"
    (credit,) = await rows(stage.database, WalletCredit, customer_id=case.referee_id)
    await alter(stage.database, credit, expires_at=in_past(seconds=1))
    for expired in (1, 0):
        sweep = await stage.client.start_workflow(
            UPKEEP_WORKFLOW, id=f"upkeep-{case.id}-{expired}", task_queue=WORKFLOW_QUEUE
        )
        assert await stage.watch(sweep.id).result() == expired
    ledger = await balances(stage.database)
    assert ledger[f"wallet/{case.referee_id}", "USD"] == 0
    assert ledger["wallets/breakage", "USD"] == 10_00
    (summed,) = await rows(stage.database, AccountSum, account="wallets/breakage")
    assert summed.amount == 10_00
    await assert_books_agree(stage.database)
