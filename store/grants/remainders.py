"""What refunds left of a card whose remaining value cannot be ordered."""

from __future__ import annotations

from domain.campaigns import Remainder
from domain.catalogue import smallest_card
from domain.grants import Attention, GrantStatus
from domain.messages import Next, Step
from domain.money import words
from domain.rewards import GiftCard, GiftCredits, reward_of
from store.database import Transaction
from store.grants import receivables, wallets
from store.grants.attention import park
from store.grants.postings import fulfil, give_up
from store.grants.products import products_of
from store.grants.state import lock_referral, refresh_referral, set_status
from store.ledger import budgets, taxes
from store.tables import Grant, Referral
from store.terms import terms_of


async def too_little(tx: Transaction, grant: Grant) -> str | None:
    """Why no card of the remaining value can be ordered, in words; None if one can. Only reduced
    grants are checked: whole rewards are checked when the terms are set."""
    if not (grant.reversed_amount or grant.netted):
        return None
    product = (await products_of(tx, [grant])).get(grant.id)
    smallest = smallest_card(product) if product else None
    if product is None or smallest is None or grant.amount >= smallest.amount:
        return None
    left = words(grant.amount, grant.currency)
    return f"{left} is left of it, and the smallest card of {product.name} is {smallest}."


async def settle(tx: Transaction, grant: Grant, why: str, limit: taxes.Limit | None) -> Step:
    """Cancel the rest or credit it, as the terms say; credits that need a tax form are parked until
    it is there.

    The caller holds the grant's lock, and knows that no card exists; this takes the referral's, and
    the budget's last."""
    referral = await lock_referral(tx, grant.referral_id)
    terms = await terms_of(tx, grant.campaign_id, referral.campaign_version)
    if terms.remainder is Remainder.CANCEL:
        await _cancel(tx, grant, referral, why)
    elif lack := await taxes.form_missing(tx, grant, limit):
        return await park(tx, grant, Attention.TAX_FORM_MISSING, lack)
    else:
        await _credit(tx, grant, referral, why)
    return Step(next=Next.REST)


async def _cancel(tx: Transaction, grant: Grant, referral: Referral, why: str) -> None:
    face = give_up(tx, grant)
    await receivables.forgive(tx, grant)
    # Reversed with the rest: reopening restores the whole card.
    grant.reversal_due += grant.amount
    grant.reversed_amount += grant.amount
    await _close(tx, grant, referral, GrantStatus.CANCELLED, "grant.cancelled", f"{why} Cancelled.")
    if face:
        await budgets.release(tx, grant.campaign_id, face)


async def _credit(tx: Transaction, grant: Grant, referral: Referral, why: str) -> None:
    card = reward_of(grant.reward)
    assert isinstance(card, GiftCard)  # noqa: S101 - only cards have a smallest value
    credits = GiftCredits(amount=grant.amount, currency=card.currency, reward_id=card.reward_id)
    grant.kind, grant.reward = credits.kind, credits.model_dump(mode="json")
    wallets.credit(tx, grant)
    face = fulfil(tx, grant)
    why = f"{why} Credited to the wallet instead."
    await _close(tx, grant, referral, GrantStatus.DELIVERED, "grant.delivered", why)
    if face:
        await budgets.commit(tx, grant.campaign_id, face)


async def _close(
    tx: Transaction, grant: Grant, referral: Referral, status: GrantStatus, type: str, why: str
) -> None:
    set_status(tx, grant, status)
    tx.record(type, "Too little is left for a card", detail=why, **grant.event_ids)
    await refresh_referral(tx, referral)
    await tx.write_facts()
