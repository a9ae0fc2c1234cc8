"""Stores refused uses of codes with their reason, so that support can explain them."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from domain.customers import Person
from domain.ids import Prefix, new_id
from domain.refusals import Refusal
from store.database import Transaction
from store.redemptions.repeats import RedemptionRequest
from store.tables import Coupon, Customer, Grant, Redemption, Referral, Voucher


async def keep_failure(
    tx: Transaction, request: RedemptionRequest, person: Person, refusal: Refusal
) -> str:
    """Record a refused use; return its id.

    It consumes nothing and creates nobody: unknown codes and customers are left empty, and no
    personal data of an unknown customer is kept, because nobody could ask to erase it."""
    voucher = await known_voucher(tx, request.code)
    customer_id = await known_customer(tx, person)
    redemption = Redemption(
        id=new_id(Prefix.FAILED_REDEMPTION),
        code=request.code,
        counts=False,
        voucher_id=voucher.id if voucher else None,
        campaign_id=voucher.campaign_id if voucher else None,
        customer_id=customer_id,
        order_source_id=request.orders.main,
        order_ids=request.orders.keys,
        order=request.order if customer_id else None,
        amount=request.amount,
        tracking_id=request.tracking_id if customer_id else None,
        attributes=request.metadata if customer_id else {},
        failure_code=refusal.key,
        failure_message=refusal.detail,
        created_at=tx.now,
    )
    tx.session.add(redemption)
    grant = await _earned_with(tx, voucher) if voucher else None
    referral_id = await known_referral(tx, redemption.campaign_id, customer_id)
    tx.record(
        "redemption.failed",
        "Discount coupon refused" if grant else "Referral code refused",
        detail=refusal.detail if voucher else "There is no such code.",
        campaign_id=redemption.campaign_id,
        customer_id=redemption.customer_id,
        referral_id=grant.referral_id if grant else referral_id,
        grant_id=grant.id if grant else None,
        data={
            "redemption_id": redemption.id,
            "voucher_id": redemption.voucher_id,
            "failure_code": refusal.key,
        },
    )
    return redemption.id


async def _earned_with(tx: Transaction, voucher: Voucher) -> Grant | None:
    """The grant that a coupon was given for; None for a referral code."""
    statement = select(Grant).join(Coupon, col(Coupon.grant_id) == Grant.id)
    return (
        await tx.session.scalars(statement.where(col(Coupon.voucher_id) == voucher.id))
    ).one_or_none()


async def known_voucher(tx: Transaction, code: str) -> Voucher | None:
    """The code, if it exists."""
    return (
        await tx.session.scalars(select(Voucher).where(col(Voucher.code) == code))
    ).one_or_none()


async def known_customer(tx: Transaction, person: Person) -> str | None:
    """The person's id, if known."""
    named = (
        col(Customer.id) == person.id if person.id else col(Customer.source_id) == person.source_id
    )
    return (await tx.session.scalars(select(col(Customer.id)).where(named))).one_or_none()


async def known_referral(
    tx: Transaction, campaign_id: str | None, referee_id: str | None
) -> str | None:
    """The friend's referral in this campaign, whose timeline shows the refusal."""
    if not (campaign_id and referee_id):
        return None
    statement = select(col(Referral.id)).where(
        col(Referral.campaign_id) == campaign_id, col(Referral.referee_id) == referee_id
    )
    return await tx.session.scalar(statement)
