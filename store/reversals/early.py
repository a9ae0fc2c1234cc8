"""Refunds that come before their purchase: stored under the order, and judged when it comes.

Storing or judging one requires the order's lock (store.referrals.purchases.lock_orders): of a
simultaneous refund and purchase, the second sees the first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.money import words
from domain.purchases import NO_ORDER, OrderIds, Sort, key
from domain.referrals import Pause, ReferralStatus
from domain.refusals import IdentityReused, InvalidPayload, NotAllowedInState, NotFound, Refusal
from domain.repeats import trimmed
from domain.reversal import Cause, fits
from store.database import Transaction
from store.outbox.messages import Outgoing
from store.referrals.attribute import convert
from store.referrals.conversion import ConversionRequest
from store.referrals.convert import Converted
from store.referrals.pauses import hold
from store.referrals.purchases import lock_orders, orders_of_row
from store.referrals.reinstatement import request_reinstatement
from store.reversals.order_refund import OrderRefund
from store.reversals.request import must_be_named, request_reversal
from store.tables import Campaign, EarlyRefund, Referral, metadata

_REFUNDS = metadata.tables[str(EarlyRefund.__tablename__)]
_REASON = "Refunded before the purchase came."


async def keep_early(tx: Transaction, refund: OrderRefund) -> None:
    """Store a refund of an unknown order; a repeat is stored once. The caller holds the lock of
    `refund.orders`. Raises NotFound for an unknown campaign, and InvalidPayload for what cannot be
    a share of any order."""
    must_be_named(refund.identity, refund.refunded)
    if refund.campaign_id and await tx.session.get(Campaign, refund.campaign_id) is None:
        raise NotFound("campaign", refund.campaign_id, field="/campaign_id")
    paid, amount = refund.order_amount, refund.refunded
    if paid is not None and amount is not None and not fits(amount, paid):
        raise InvalidPayload(
            f"{words(amount, refund.currency)} is more than {words(paid, refund.currency)}, which "
            "was paid for the order.",
            field="/amount",
        )
    row = EarlyRefund(
        id=refund.early_id,
        order_key=refund.order_key,
        identity=refund.identity and trimmed(refund.identity),
        created_at=tx.now,
        **refund.model_dump(
            include={
                "campaign_id",
                "all_campaigns",
                "refunded",
                "order_amount",
                "currency",
                "cause",
                "actor",
            }
        ),
    )
    kept = await tx.session.execute(
        insert(_REFUNDS)
        .values(**row.model_dump())
        .on_conflict_do_nothing()
        .returning(_REFUNDS.c.id)
    )
    if kept.scalar() is not None:
        tx.record(
            "refund.waiting_for_order",
            "A refund came before its purchase",
            campaign_id=refund.campaign_id,
            data={"refund_id": row.id, "refunded": refund.refunded},
        )


async def claims_of(tx: Transaction, refund: OrderRefund) -> list[str]:
    """The referrals for which an early refund was judged; none while it waits. Raises
    IdentityReused if its content differs now."""
    kept = await tx.session.get(EarlyRefund, refund.early_id)
    if kept is None:
        return []
    for member in ("currency", "order_amount"):
        first, now = getattr(kept, member), getattr(refund, member)
        if first is not None and now is not None and first != now:
            raise IdentityReused(
                f"{refund.identity!r} was used with other content. /{member}: first {first}, now "
                f"{now}. Send the same again, or this under an identity of its own."
            )
    return kept.claims


async def book_purchase(tx: Transaction, request: ConversionRequest) -> Converted:
    """Accept a conversion event, and judge earlier refunds of its order. Takes the locks of
    `convert`, among them the order's, then those of `judge_early`."""
    converted = await convert(tx, request)
    if not converted.intake:
        return converted
    refunds = await judge_early(tx, converted.referrals)
    return converted._replace(intake=[*converted.intake, *refunds])


async def judge_early(tx: Transaction, referrals: list[Referral]) -> list[Outgoing]:
    """Request the earlier refunds of the orders that have just converted these referrals, before
    anything is granted. A refund that cannot be applied holds the conversion for a person.

    The caller holds the locks of the orders. Locks the refunds' rows, then the referral's."""
    messages: list[Outgoing] = []
    for referral in referrals:
        orders = orders_of_row(referral)
        if orders.keys and referral.status == ReferralStatus.CONVERTED:
            for refund in await _of(tx, orders):
                messages += await _judge(tx, referral, orders, refund)
    return messages


async def reinstate(
    tx: Transaction, referral_id: str, reason: str, *, actor: str
) -> list[Outgoing]:
    """A person brings a referral back (request_reinstatement). Refunds of its order that came while
    it did not count had waited for a purchase: they are requested now, once.

    Locks the order, then the refunds and the referral. Raises what request_reinstatement raises,
    and NotAllowedInState if such a refund is no share of the order."""
    found = await tx.session.get(Referral, referral_id)
    orders = orders_of_row(found) if found else NO_ORDER
    await lock_orders(tx, [orders])
    refunds = await _of(tx, orders) if orders.keys else []
    messages = await request_reinstatement(tx, referral_id, reason, actor=actor)
    if not messages or found is None:
        return messages
    for refund in refunds:
        if found.id in refund.claims or refund.campaign_id not in (None, found.campaign_id):
            continue
        refund.claims = [*refund.claims, found.id]
        refund.claimed_in = refund.claimed_in or found.campaign_id
        try:
            messages += [] if found.undone else await _apply(tx, found, refund)
        except (InvalidPayload, IdentityReused) as refusal:
            raise NotAllowedInState(_words(refusal)) from None
    return messages


async def _of(tx: Transaction, orders: OrderIds) -> list[EarlyRefund]:
    """The early refunds of an order, oldest first. Locks their rows."""
    keys = {*orders.keys, *(key(Sort.SOURCE_ID, id) for id in orders.ids)}
    statement = (
        select(EarlyRefund)
        .where(col(EarlyRefund.order_key).in_(keys))
        .order_by(col(EarlyRefund.created_at), col(EarlyRefund.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(await tx.session.scalars(statement))


async def _judge(
    tx: Transaction, referral: Referral, orders: OrderIds, refund: EarlyRefund
) -> list[Outgoing]:
    other = refund.campaign_id not in (None, referral.campaign_id)
    if other or referral.id in refund.claims:
        return []
    doubt = _doubt(referral, orders, refund)
    refund.claims = [*refund.claims, referral.id]
    refund.claimed_in = refund.claimed_in or referral.campaign_id
    if referral.undone:
        return []
    if doubt is None:
        try:
            return await _apply(tx, referral, refund)
        except (InvalidPayload, NotAllowedInState, IdentityReused) as refusal:
            doubt = _words(refusal)
    refund.problem = doubt
    hold(tx, referral, Pause.REFUND_UNCLEAR, doubt)
    return []


def _doubt(referral: Referral, orders: OrderIds, refund: EarlyRefund) -> str | None:
    """Why it is not certain that this purchase was refunded."""
    elsewhere = refund.claimed_in not in (None, referral.campaign_id)
    if elsewhere and not refund.all_campaigns:
        return (
            "A refund of this order came before it, and was taken for the purchase in campaign "
            f"{refund.claimed_in}. Was this purchase refunded too?"
        )
    if refund.order_key not in orders.keys and orders.source_ids:
        return (
            "A refund that came before names this order's `order.id` as the shop's own id. Was "
            "this purchase refunded?"
        )
    return None


async def _apply(tx: Transaction, referral: Referral, refund: EarlyRefund) -> list[Outgoing]:
    accepted = await request_reversal(
        tx,
        referral.id,
        refund.refunded,
        _REASON,
        refund.identity,
        order_amount=refund.order_amount,
        currency=refund.currency,
        cause=Cause(refund.cause),
        actor=refund.actor,
    )
    return accepted.intake


def _words(refusal: Refusal) -> str:
    return f"A refund that came before the purchase cannot be applied. {refusal.detail}"
