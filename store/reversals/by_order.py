"""Accepting a refund of the shop's order: of every referral that it converted, all or none."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import ColumnElement, select
from sqlmodel import col

from domain.purchases import Sort, key
from domain.referrals import ReferralStatus
from domain.refusals import AmbiguousOrder, NotFound
from domain.repeats import Content, Kind
from domain.reversal import Cause
from store.access.erased_ids import erased_form
from store.access.identities import Given, given, keep, must_match, recall
from store.database import Transaction
from store.referrals.purchases import known_by
from store.reversals.request import NEVER_COUNTED, Accepted, request_reversal
from store.tables import Referral


class OrderRefund(BaseModel):
    """A refund, by the order's id. `campaign_id` narrows it; `all_campaigns` says that the order
    is one and the same wherever it is known. The rest as for one referral."""

    order_id: str
    sort: Sort = Sort.SOURCE_ID
    campaign_id: str | None = None
    all_campaigns: bool = False
    refunded: int | None
    reason: str
    identity: str | None
    order_amount: int | None = None
    currency: str | None = None
    cause: Cause = Cause.REFUND
    actor: str | None = None


async def reverse_order(tx: Transaction, refund: OrderRefund) -> list[Accepted]:
    """Accept the refund for each referral that the order converted. A repeat is about the same
    ones, whatever the order has converted since.

    Raises NotFound, AmbiguousOrder where several campaigns know the order and neither
    `campaign_id` nor `all_campaigns` was given, and what request_reversal raises.
    """
    identity, content = _identity_of(refund), Content(amount=refund.refunded)
    known = await recall(tx, identity) if identity else []
    if identity and known:
        referrals = must_match(identity, known, content)
    else:
        referrals = await _referrals_of(tx, refund)
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


def _identity_of(refund: OrderRefund) -> Given | None:
    if refund.identity is None:
        return None
    order = key(refund.sort, refund.order_id)
    return given(Kind.REFUND, refund.identity, "order", order, refund.campaign_id or "")


async def _referrals_of(tx: Transaction, refund: OrderRefund) -> list[str]:
    """Those that counted, oldest first; where none did, all of them. A shop that never sent an
    id of its own names the order by the other."""
    ids = (refund.order_id, await erased_form(tx, refund.order_id))
    found = await _known(tx, refund, known_by(Referral, refund.sort, *ids))
    if not found and refund.sort is Sort.SOURCE_ID:
        found = await _known(tx, refund, known_by(Referral, Sort.ID, *ids))
    if not found:
        raise NotFound("order", refund.order_id, field=f"/order_{refund.sort}")
    counted = [one for one in found if ReferralStatus(one.status) not in NEVER_COUNTED] or found
    campaigns = sorted({one.campaign_id for one in counted})
    if len(campaigns) > 1 and not refund.all_campaigns:
        raise AmbiguousOrder(
            f"Several campaigns know this order: {', '.join(campaigns)}. Name one as campaign_id, "
            "or send all_campaigns: true to undo it in all of them.",
            field="/campaign_id",
        )
    return [one.id for one in counted]


async def _known(
    tx: Transaction, refund: OrderRefund, known: ColumnElement[bool]
) -> list[Referral]:
    statement = select(Referral).where(known).order_by(col(Referral.id))
    if refund.campaign_id is not None:
        statement = statement.where(col(Referral.campaign_id) == refund.campaign_id)
    return list(await tx.session.scalars(statement))
