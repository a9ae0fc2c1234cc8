"""Uses a code at checkout: the discount, the count, and the effect on the referral."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.campaigns import CampaignTerms, ConversionKind
from domain.discounts import Discount, UnitsOff, discount_amount, units_free
from domain.ids import Prefix, new_id
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount, InvalidPayload, NotFound
from domain.rules.evaluation import Basket
from domain.verdict import Verdict, refused
from store.codes import coupons
from store.database import Transaction
from store.eligibility import admission, uses
from store.eligibility.counting import Subject
from store.eligibility.lookup import Code, look_up, must_be_usable, must_run
from store.eligibility.rules import RuleContext, SeenByRule, judge_use
from store.outbox.enqueue import start_of
from store.outbox.messages import Outgoing
from store.qualification.qualify import must_qualify, qualify_at_redemption
from store.redemptions.repeats import (
    RedemptionRequest,
    column_of,
    first_use,
    remember,
    remember_name,
)
from store.referrals import reinstatement
from store.referrals.attribute import attribute, convert_by, same_code
from store.referrals.conversion import ConversionRequest
from store.referrals.progress import lock_progress
from store.referrals.purchases import orders_of_row
from store.referrals.reinstatement import buy_again
from store.referrals.room import must_leave_room
from store.reversals.early import judge_early
from store.tables import Redemption, Referral
from store.terms import terms_of


class Redeemed(NamedTuple):
    """The redemption, and the messages for the referral's workflow. No messages for a repeat."""

    redemption_id: str
    intake: list[Outgoing]


async def redeem(
    tx: Transaction, request: RedemptionRequest, *, rehearsed: bool = False
) -> Redeemed:
    """Redeem a code once.

    In a redemption campaign this is the conversion; in a custom-event campaign it gives the
    discount and attributes the friend. What qualification would refuse is refused here: no discount
    without its reward. A repeat returns the first use; it is refused with another amount or order,
    and once the first was rolled back. `rehearsed`: the caller rolls everything back, so no counter
    is locked.

    The caller has locked the customer's row in this transaction (store.customers.upsert.upsert), so
    uses by one customer are counted one after the other. The campaign's budget is locked by the
    last statement. Raises NotFound, CannotCount or IdentityReused."""
    use = await first_use(tx, request)
    if use.earlier:
        return await _repeat(tx, request, use.earlier, again=use.again)
    request = request.model_copy(update={"again": use.again})
    identity = column_of(request)
    try:
        found = await _look_up(tx, request)
    except (CannotCount, InvalidPayload):
        # Nobody holds it as a referral code, so it may be a coupon.
        if coupon := await coupons.take(tx, request.code, request.customer_id):
            return Redeemed(await _redeem_coupon(tx, request, coupon, identity), [])
        raise
    terms, within = await _must_be_redeemable(tx, found, request)
    if not rehearsed:
        _must_be_named(terms, request)
    converts = found.terms.conversion is ConversionKind.REDEMPTION
    if converts:
        await lock_progress(tx, found.campaign_id, _referrer_of(found))
    seen = await judge_use(tx, terms, _asked(found, terms, request), binding=not rehearsed)
    referral, intake = await _refer(tx, found, terms, request, identity, seen)
    if converts and not intake:
        _must_not_be_undone(referral, request)
    if referral.created_at == tx.now:
        # Not committed yet, so nobody else writes it: later, only the workflow changes its
        # verdicts.
        referral.verdicts = [*referral.verdicts, within.model_dump(mode="json")]
    await uses.count(tx, found, terms)
    redemption = _redemption(tx, request, referral, terms.discount)
    redemption.identity = identity
    tx.session.add(redemption)
    _record(tx, redemption)
    await remember(tx, request, redemption.id)
    if converts:
        intake = [*intake, *await judge_early(tx, [referral])]
        await _judge(tx, referral)
    return Redeemed(redemption.id, intake)


async def _repeat(
    tx: Transaction, request: RedemptionRequest, redemption_id: str, *, again: bool
) -> Redeemed:
    """Return the existing redemption.

    If its order was refunded and the request has a new identity, the order was bought after all:
    the referral is reinstated. No second discount."""
    if not again:
        return Redeemed(redemption_id, [])
    await remember_name(tx, request, redemption_id)
    redemption = await tx.session.get_one(Redemption, redemption_id)
    if redemption.referral_id is None:
        return Redeemed(redemption_id, [])
    referral = await tx.session.get_one(Referral, redemption.referral_id)
    if (referral.conversion or {}).get("event") != ConversionKind.REDEMPTION:
        return Redeemed(redemption_id, [])
    identity = column_of(request.model_copy(update={"again": True}))
    bought = _conversion(request, identity, redemption.discount_amount, None)
    message = await buy_again(tx, referral, bought)
    return Redeemed(redemption_id, [message] if message else [])


def _must_not_be_undone(referral: Referral, request: RedemptionRequest) -> None:
    """Refuse to redeem for an order whose referral was undone by a finding or a denial: only staff
    reinstate those."""
    same = set(request.orders.keys) & set(orders_of_row(referral).keys)
    if same and (referral.undone or referral.reversed_at):
        raise CannotCount(
            "already_rolled_back",
            "What this order converted was undone, and not for a refund: staff may reinstate it.",
        )


def _referrer_of(found: Code) -> str:
    return found.existing.referrer_id if found.existing else found.referrer_id


async def _judge(tx: Transaction, referral: Referral) -> None:
    """No discount without the reward: qualification judges and reserves now, and the workflow finds
    the decision."""
    if referral.status == ReferralStatus.WAITING:
        ended = f"The friend had until {referral.expires_at:%Y-%m-%d %H:%M} UTC to use the code."
        raise refused("voucher_expired", "attribution_window", ended)
    if referral.reinstating is not None:
        # Its workflow may have ended, so another one must handle what is earned now.
        await reinstatement.apply(tx, referral)
        await must_qualify(tx, start_of(referral))
        return
    await qualify_at_redemption(tx, start_of(referral))


async def _redeem_coupon(
    tx: Transaction, request: RedemptionRequest, coupon: coupons.Taken, identity: str
) -> str:
    """A coupon gives its discount and refers nobody: it counts for no campaign's limits."""
    redemption = _redemption(tx, request, coupon, coupon.discount)
    redemption.identity, redemption.counts = identity, False
    tx.session.add(redemption)
    _record(tx, redemption, coupon)
    await remember(tx, request, redemption.id)
    return redemption.id


def _must_be_named(terms: CampaignTerms, request: RedemptionRequest) -> None:
    """If a customer may redeem only once, that limit stops a repeat without an identity; else
    nothing does."""
    most = terms.limits.redemptions_per_customer
    if request.identity is None and most > 1:
        raise InvalidPayload(
            f"A customer may redeem {most} times here, so a use needs a name of its own: send "
            "order.source_id, order.id, tracking_id or an Idempotency-Key.",
            field="/order/source_id",
        )


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
    """Every check of the code and the customer; attribution makes the campaign's. Of several
    reasons the first is reported, in this order. Returns the terms that apply to this friend, and
    the verdict on how often they redeemed."""
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
    if found.existing and begun and terms.conversion is ConversionKind.CUSTOM_EVENT:
        # No discount for somebody whose reward a full cap would refuse.
        parties = (request.customer_id, found.existing.referrer_id)
        subject = Subject(found.campaign_id, found.voucher_id, *parties)
        await must_leave_room(tx, terms, subject, converts=False)
    return terms, within


def _asked(found: Code, terms: CampaignTerms, request: RedemptionRequest) -> RuleContext:
    """What the rules are judged by."""
    parties = (request.customer_id, found.referrer_id)
    return RuleContext(
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
    off = discount_amount(terms.discount, request.amount, request.lines)
    converted = await convert_by(tx, found, _conversion(request, identity, off, seen))
    return converted.referrals[0], converted.intake


def _conversion(
    request: RedemptionRequest, identity: str, off: int, seen: SeenByRule | None
) -> ConversionRequest:
    """`off`: the discount, minor units."""
    order = request.order if request.priced else None
    return ConversionRequest(
        kind=ConversionKind.REDEMPTION,
        event_id=identity,
        customer_id=request.customer_id,
        code=request.code,
        orders=request.orders,
        order_amount=request.amount if order else None,
        paid_amount=request.amount - off if order else None,
        order_currency=(request.order or {}).get("currency"),
        order_status=(request.order or {}).get("status"),
        received_at=request.received_at,
        seen=seen,
    )


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
        order_source_id=request.orders.main,
        order_ids=request.orders.keys,
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
    """The order, its items showing how many of their units are free."""
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


def _record(tx: Transaction, redemption: Redemption, coupon: coupons.Taken | None = None) -> None:
    tx.record(
        "redemption.succeeded",
        "Discount coupon redeemed" if coupon else "Referral code redeemed",
        detail=f"{redemption.discount_amount} of {redemption.amount} (minor units) taken off",
        campaign_id=redemption.campaign_id,
        customer_id=redemption.customer_id,
        referral_id=coupon.referral_id if coupon else redemption.referral_id,
        grant_id=coupon.grant_id if coupon else None,
        data={"redemption_id": redemption.id, "voucher_id": redemption.voucher_id},
    )
