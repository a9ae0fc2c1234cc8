"""Using a code at checkout: the discount, the count, and what it means for the referral."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import exists, select
from sqlmodel import col

from domain.campaigns import CampaignTerms, ConversionKind
from domain.discounts import Discount, Line, UnitsOff, discount_amount, units_free
from domain.ids import Prefix, digest, new_id
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount, InvalidPayload, NotFound
from domain.rules.evaluation import Basket
from domain.verdict import Verdict, refused
from store.codes import coupons
from store.database import Transaction
from store.eligibility import admission, uses
from store.eligibility.counting import Subject
from store.eligibility.lookup import Code, look_up, must_be_usable, must_run
from store.eligibility.rules import Asked, SeenByRule, judge_use
from store.outbox.messages import Outgoing
from store.qualification.qualify import qualify_at_redemption
from store.referrals.attribute import attribute, convert_by, same_code
from store.referrals.conversion import ConversionRequest, start_of
from store.referrals.progress import lock_progress
from store.tables import Redemption, Referral, Rollback
from store.terms import terms_of


class RedemptionRequest(BaseModel):
    """A code used by a customer. `amount` is the order's, minor units, `lines` its items.
    `identity` is whatever the caller tells one use from another by; None: nothing, each request
    is a use of its own."""

    code: str
    customer_id: str
    identity: str | None
    amount: int
    priced: bool = True
    """Does the order say what it comes to?"""
    lines: list[Line] = []
    order: dict[str, Any] | None
    order_source_id: str | None
    referrer: str | None = None
    """The holder of the code who is to be rewarded, by id or source_id; None: its owner."""
    tracking_id: str | None
    metadata: dict[str, Any]
    received_at: datetime
    api_key: str | None = None
    """The credential that sent it."""


class Redeemed(NamedTuple):
    """The redemption, and the messages for the referral's workflow. Empty for a repeat."""

    redemption_id: str
    intake: list[Outgoing]


async def redeem(
    tx: Transaction, request: RedemptionRequest, *, rehearsed: bool = False
) -> Redeemed:
    """Redeem a code once. In a redemption campaign this is the conversion; in a custom-event
    campaign it gives the discount and attributes the friend. What qualification would refuse is
    refused here: no discount is given without the reward that goes with it. A repeat answers the
    first use, and is refused once that was rolled back.
    `rehearsed`: the caller undoes all of it, so nobody has to wait for its counts.

    The caller has locked the customer's row in this transaction (store.customers.upsert.upsert), so
    uses by one customer are counted one after the other. The campaign's budget is locked by the
    last statement. Raises NotFound or CannotCount.
    """
    identity = _identity(request)
    if earlier := await _by_identity(tx, identity):
        return Redeemed(earlier, [])
    try:
        found = await _look_up(tx, request)
    except (CannotCount, InvalidPayload):
        # Nobody holds it as a referral code: it may be somebody's own coupon.
        if coupon := await coupons.take(tx, request.code, request.customer_id):
            return Redeemed(_redeem_coupon(tx, request, coupon, identity), [])
        raise
    terms, within = await _must_be_redeemable(tx, found, request)
    converts = found.terms.conversion is ConversionKind.REDEMPTION
    if converts:
        await lock_progress(tx, found.campaign_id, _referrer_of(found))
    seen = await judge_use(tx, terms, _asked(found, terms, request), binding=not rehearsed)
    referral, intake = await _refer(tx, found, terms, request, identity, seen)
    if referral.created_at == tx.now:
        # Nobody else writes it yet: later, its verdicts are the workflow's.
        referral.verdicts = [*referral.verdicts, within.model_dump(mode="json")]
    await uses.count(tx, found, terms)
    redemption = _redemption(tx, request, referral, terms.discount)
    redemption.identity = identity
    tx.session.add(redemption)
    _record(tx, redemption)
    if converts:
        await _judge(tx, referral)
    return Redeemed(redemption.id, intake)


def _referrer_of(found: Code) -> str:
    return found.existing.referrer_id if found.existing else found.referrer_id


async def _judge(tx: Transaction, referral: Referral) -> None:
    """No discount without the reward: what qualification would say is said now, and what it would
    reserve is reserved. The workflow finds it decided."""
    if referral.status == ReferralStatus.WAITING:
        ended = f"The friend had until {referral.expires_at:%Y-%m-%d %H:%M} UTC to use the code."
        raise refused("voucher_expired", "attribution_window", ended)
    await qualify_at_redemption(tx, start_of(referral))


def _redeem_coupon(
    tx: Transaction, request: RedemptionRequest, coupon: coupons.Taken, identity: str
) -> str:
    """A coupon gives its discount and refers nobody: it counts against no campaign's limits."""
    redemption = _redemption(tx, request, coupon, coupon.discount)
    redemption.identity, redemption.counts = identity, False
    tx.session.add(redemption)
    _record(tx, redemption, "Discount coupon redeemed")
    return redemption.id


def _identity(request: RedemptionRequest) -> str:
    given = request.identity or new_id(Prefix.REDEMPTION)
    return digest(given, request.code, request.customer_id)


_UNDONE = (
    exists()
    .where(col(Rollback.redemption_id) == Redemption.id, col(Rollback.whole))
    .correlate(Redemption)
)


async def _by_identity(tx: Transaction, identity: str) -> str | None:
    """The redemption that this is a repeat of. One that was rolled back as a whole gives no
    discount again: who trusts a success would give it away, counted by nobody."""
    statement = select(col(Redemption.id), _UNDONE).where(col(Redemption.identity) == identity)
    earlier = (await tx.session.execute(statement)).one_or_none()
    if earlier is None:
        return None
    redemption_id, undone = earlier
    if undone:
        raise CannotCount(
            "already_rolled_back",
            f"This use ({redemption_id}) was rolled back. To use the code again, send a new order "
            "id (or, without an order id, a new tracking_id or Idempotency-Key).",
        )
    return str(redemption_id)


async def _look_up(tx: Transaction, request: RedemptionRequest) -> Code:
    try:
        return await look_up(
            tx, request.code, request.customer_id, request.referrer, field="/order/referrer_id"
        )
    except NotFound:
        raise NotFound("voucher", request.code, field="/redeemables/0/id") from None


async def _must_be_redeemable(
    tx: Transaction, found: Code, request: RedemptionRequest
) -> tuple[CampaignTerms, Verdict]:
    """Every check that is the code's and the customer's; attribution makes the campaign's own.
    Of several reasons the first is told, in this order. Answers the terms that this friend was
    promised, and the verdict on how often they redeemed."""
    terms, begun = found.terms, False
    if found.existing:
        referral = same_code(found)
        terms = await terms_of(tx, referral.campaign_id, referral.campaign_version)
        begun = referral.status == ReferralStatus.WAITING
    uses.must_have_uses(found, terms)
    must_be_usable(tx, found, begun=begun)
    within = await uses.must_be_within_limit(tx, found.campaign_id, request.customer_id, terms)
    must_run(tx, found, begun=begun)
    admission.must_be_open(tx, terms, found.start_date)
    return terms, within


def _asked(found: Code, terms: CampaignTerms, request: RedemptionRequest) -> Asked:
    """What the rules are judged by."""
    parties = (request.customer_id, found.referrer_id)
    return Asked(
        Subject(found.campaign_id, found.voucher_id, *parties),
        request.received_at,
        order=_basket(terms, request),
        metadata=request.metadata,
        api_key=request.api_key,
    )


def _basket(terms: CampaignTerms, request: RedemptionRequest) -> Basket | None:
    if request.order is None:
        return None
    off = discount_amount(terms.discount, request.amount, request.lines)
    return Basket(
        amount=request.amount,
        total_amount=request.amount - off,
        items=request.order.get("items") or [],
        metadata=request.order.get("metadata") or {},
    )


async def _refer(
    tx: Transaction,
    found: Code,
    terms: CampaignTerms,
    request: RedemptionRequest,
    identity: str,
    seen: SeenByRule,
) -> tuple[Referral, list[Outgoing]]:
    if found.terms.conversion is ConversionKind.CUSTOM_EVENT:
        attributed = await attribute(tx, found, request.customer_id, request.metadata)
        return attributed.referral, attributed.intake
    order = request.order if request.priced else None
    off = discount_amount(terms.discount, request.amount, request.lines)
    converted = await convert_by(
        tx,
        found,
        ConversionRequest(
            kind=ConversionKind.REDEMPTION,
            event_id=identity,
            customer_id=request.customer_id,
            code=request.code,
            order_source_id=request.order_source_id,
            order_amount=request.amount if order else None,
            paid_amount=request.amount - off if order else None,
            order_currency=(request.order or {}).get("currency"),
            order_status=(request.order or {}).get("status"),
            received_at=request.received_at,
            seen=seen,
        ),
    )
    return converted.referrals[0], converted.intake


def _redemption(
    tx: Transaction,
    request: RedemptionRequest,
    used: Referral | coupons.Taken,
    discount: Discount | None,
) -> Redemption:
    return Redemption(
        id=new_id(Prefix.REDEMPTION),
        code=request.code,
        voucher_id=used.voucher_id,
        campaign_id=used.campaign_id,
        customer_id=request.customer_id,
        referral_id=used.id if isinstance(used, Referral) else None,
        order_source_id=request.order_source_id,
        order=_with_free_units(request, discount),
        amount=request.amount,
        discount_amount=discount_amount(discount, request.amount, request.lines),
        tracking_id=request.tracking_id,
        attributes=request.metadata,
        created_at=tx.now,
    )


def _with_free_units(
    request: RedemptionRequest, discount: Discount | None
) -> dict[str, Any] | None:
    """The order, its items telling how many of their units are free."""
    if request.order is None or not isinstance(discount, UnitsOff):
        return request.order
    free = units_free(discount, request.lines)
    items = [
        item | {"discount_quantity": units, "discount_amount": units * line.price}
        for item, line, units in zip(
            request.order.get("items", []), request.lines, free, strict=True
        )
    ]
    return request.order | {"items": items}


def _record(tx: Transaction, redemption: Redemption, title: str = "Referral code redeemed") -> None:
    tx.record(
        "redemption.succeeded",
        title,
        detail=f"{redemption.discount_amount} of {redemption.amount} (minor units) taken off",
        campaign_id=redemption.campaign_id,
        customer_id=redemption.customer_id,
        referral_id=redemption.referral_id,
        data={"redemption_id": redemption.id, "voucher_id": redemption.voucher_id},
    )
