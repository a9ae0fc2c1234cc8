"""Using a code at checkout: the discount, the count, and what it means for the referral."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import and_, func, select, update
from sqlmodel import col

from domain.campaigns import CampaignTerms, ConversionKind
from domain.discounts import discount_amount
from domain.ids import Prefix, new_id
from domain.refusals import CannotCount, NotFound
from store import attribution
from store.database import Transaction
from store.dispatch import Outgoing
from store.tables import Campaign, CampaignVersion, Redemption, Referral, Voucher


class RedemptionRequest(BaseModel):
    """A code used by a customer. `amount` is the order's, minor units. `identity` is whatever
    the caller tells one use from another by; None: nothing, each request is a use of its own."""

    code: str
    customer_id: str
    identity: str | None
    amount: int
    order: dict[str, Any] | None
    order_source_id: str | None
    tracking_id: str | None
    metadata: dict[str, Any]
    received_at: datetime


class Redeemed(NamedTuple):
    """The redemption, and the messages for the referral's workflow. Empty for a repeat."""

    redemption_id: str
    intake: list[Outgoing]


async def redeem(tx: Transaction, request: RedemptionRequest) -> Redeemed:
    """Redeem a code once. In a redemption campaign this is the conversion; in a custom-event
    campaign it gives the discount and attributes the friend. A repeat answers the first use.

    The caller has locked the customer's row in this transaction (store.customers.upsert), so
    uses by one customer are counted one after the other. Raises NotFound or CannotCount.
    """
    identity = _identity(request)
    earlier = await _by_identity(tx, identity)
    if earlier:
        return Redeemed(earlier, [])
    referral, intake = await _refer(tx, await _conversion_of(tx, request.code), request, identity)
    terms = await _pinned(tx, referral)
    await _count(tx, referral, terms, request)
    redemption = Redemption(
        id=new_id(Prefix.REDEMPTION),
        identity=identity,
        voucher_id=referral.voucher_id,
        campaign_id=referral.campaign_id,
        customer_id=request.customer_id,
        referral_id=referral.id,
        order_source_id=request.order_source_id,
        order=request.order,
        amount=request.amount,
        discount_amount=discount_amount(terms.discount, request.amount),
        tracking_id=request.tracking_id,
        attributes=request.metadata,
        created_at=tx.now,
    )
    tx.session.add(redemption)
    _record(tx, redemption)
    return Redeemed(redemption.id, intake)


def _identity(request: RedemptionRequest) -> str:
    given = request.identity or new_id(Prefix.REDEMPTION)
    parts = "\x1f".join((given, request.code, request.customer_id))
    return blake2b(parts.encode(), digest_size=16).hexdigest()


async def _by_identity(tx: Transaction, identity: str) -> str | None:
    statement = select(col(Redemption.id)).where(col(Redemption.identity) == identity)
    return (await tx.session.scalars(statement)).one_or_none()


async def _conversion_of(tx: Transaction, code: str) -> ConversionKind:
    """What converts in the code's campaign. Disabled refuses even those referred before."""
    statement = (
        select(Voucher, Campaign, col(CampaignVersion.terms))
        .join(Campaign, col(Campaign.id) == Voucher.campaign_id)
        .join(
            CampaignVersion,
            and_(
                col(CampaignVersion.campaign_id) == Campaign.id,
                col(CampaignVersion.version) == Campaign.version,
            ),
        )
        .where(col(Voucher.code) == code)
    )
    row = (await tx.session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound("voucher", code, field="/redeemables/0/id")
    voucher, campaign, terms = row
    if not voucher.active:
        raise CannotCount("voucher_disabled", "The code is disabled.")
    if not campaign.active:
        raise CannotCount("campaign_not_live", "The campaign is disabled.")
    return ConversionKind(terms["conversion"])


async def _refer(
    tx: Transaction, kind: ConversionKind, request: RedemptionRequest, identity: str
) -> tuple[Referral, list[Outgoing]]:
    if kind is ConversionKind.CUSTOM_EVENT:
        attributed = await attribution.sign_up(
            tx, code=request.code, referee_id=request.customer_id, metadata=request.metadata
        )
        return attributed.referral, attributed.intake
    converted = await attribution.convert(
        tx,
        attribution.ConversionRequest(
            kind=ConversionKind.REDEMPTION,
            event_id=identity,
            customer_id=request.customer_id,
            code=request.code,
            order_source_id=request.order_source_id,
            received_at=request.received_at,
        ),
    )
    return converted.referrals[0], converted.intake


async def _pinned(tx: Transaction, referral: Referral) -> CampaignTerms:
    """The terms that this friend was promised."""
    version = await tx.session.get_one(
        CampaignVersion, (referral.campaign_id, referral.campaign_version)
    )
    return CampaignTerms.model_validate(version.terms)


async def _count(
    tx: Transaction, referral: Referral, terms: CampaignTerms, request: RedemptionRequest
) -> None:
    """Count the use against the customer's limit and the code's. The code's row stays locked
    until the commit, so this comes last."""
    used = await tx.session.scalar(
        select(func.count()).where(
            col(Redemption.campaign_id) == referral.campaign_id,
            col(Redemption.customer_id) == request.customer_id,
        )
    )
    limit = terms.limits.redemptions_per_customer
    if (used or 0) >= limit:
        raise CannotCount(
            "redemption_rules_violated",
            f"A customer may redeem {limit} time(s) in this campaign, and has done so.",
            limit=limit,
        )
    statement = (
        update(Voucher)
        .where(col(Voucher.id) == referral.voucher_id)
        .values(redeemed_quantity=col(Voucher.redeemed_quantity) + 1)
        .returning(col(Voucher.id))
        .execution_options(synchronize_session=False)
    )
    if terms.code_quantity is not None:
        statement = statement.where(col(Voucher.redeemed_quantity) < terms.code_quantity)
    if (await tx.session.execute(statement)).scalar() is None:
        raise CannotCount("quantity_exceeded", "The code was used as often as it may be.")


def _record(tx: Transaction, redemption: Redemption) -> None:
    tx.record(
        "redemption.succeeded",
        "Referral code redeemed",
        detail=f"{redemption.discount_amount} of {redemption.amount} (minor units) taken off",
        campaign_id=redemption.campaign_id,
        customer_id=redemption.customer_id,
        referral_id=redemption.referral_id,
        data={"redemption_id": redemption.id, "voucher_id": redemption.voucher_id},
    )
