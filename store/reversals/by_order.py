"""Accepts a refund of a shop's order, for every referral that the order converted: all or none."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from domain.purchases import Sort
from domain.referrals import ReferralStatus
from domain.refusals import AmbiguousOrder
from store.access.erasures import erased_form
from store.access.identities import keep, must_match, recall
from store.database import Transaction
from store.referrals.purchases import known_by, lock_orders
from store.reversals.early import claims_of, keep_early
from store.reversals.order_refund import OrderRefund
from store.reversals.request import NEVER_COUNTED, Accepted, request_reversal
from store.tables import Referral


async def reverse_order(tx: Transaction, refund: OrderRefund) -> list[Accepted]:
    """Accept the refund for each referral that the order converted.

    A repeat concerns the same referrals, whatever the order has converted since. None if no
    purchase of the order counts yet: then the refund is stored, and waits for it. Locks the order's
    ids, so that a simultaneous purchase comes before or after this; then the referrals. Raises
    NotFound for an unknown campaign, AmbiguousOrder if several campaigns know the order and neither
    `campaign_id` nor `all_campaigns` was given, and what request_reversal raises."""
    await lock_orders(tx, [refund.orders])
    identity, content = refund.named, refund.content
    known = await recall(tx, identity) if identity else []
    referrals = must_match(identity, known, content) if identity and known else []
    if identity and not referrals and (claims := await claims_of(tx, refund)):
        return [Accepted(referral_id, []) for referral_id in claims]
    referrals = referrals or await _referrals_of(tx, refund)
    if not referrals:
        await keep_early(tx, refund)
    accepted = [
        await request_reversal(
            tx,
            referral_id,
            refund.refunded,
            refund.reason,
            refund.identity,
            order_amount=refund.order_amount,
            currency=refund.currency,
            cause=refund.cause,
            actor=refund.actor,
        )
        for referral_id in referrals
    ]
    if identity and not known:
        await keep(tx, identity, content, referrals)
    return accepted


async def _referrals_of(tx: Transaction, refund: OrderRefund) -> list[str]:
    """Valid referrals, oldest first; else those that a reversal ended. None if the order is
    unknown, or never counted: the purchase may still come. A shop that sent no id of its own names
    the order by another system's."""
    ids = (refund.order_id, await erased_form(tx, refund.order_id))
    found = await _known(tx, refund, known_by(Referral, refund.sort, *ids))
    if not found and refund.sort is Sort.SOURCE_ID:
        found = await _known(tx, refund, known_by(Referral, Sort.ID, *ids))
    counted = [one for one in found if ReferralStatus(one.status) not in NEVER_COUNTED]
    counted = counted or [one for one in found if one.reversed_at or one.reinstating is not None]
    campaigns = sorted({one.campaign_id for one in counted})
    if len(campaigns) > 1 and not refund.all_campaigns:
        raise AmbiguousOrder(
            f"Several campaigns know this order: {', '.join(campaigns)}. Name one as campaign_id, "
            "or send all_campaigns: true to undo it in all of them.",
            field="/campaign_id",
        )
    # A wholly undone referral has no share in refunds of another one's purchase.
    standing = {one.campaign_id for one in counted if not _is_undone(one)}
    return [one.id for one in counted if not _is_undone(one) or one.campaign_id not in standing]


def _is_undone(referral: Referral) -> bool:
    """Wholly reversed, or being reversed; and not reinstated since."""
    undone = referral.reversed_at is not None or referral.undone
    return undone and referral.reinstating is None


async def _known(
    tx: Transaction, refund: OrderRefund, known: ColumnElement[bool]
) -> list[Referral]:
    statement = select(Referral).where(known).order_by(col(Referral.id))
    if refund.campaign_id is not None:
        statement = statement.where(col(Referral.campaign_id) == refund.campaign_id)
    return list(await tx.session.scalars(statement))
