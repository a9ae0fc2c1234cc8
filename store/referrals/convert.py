"""Converts referrals that wait for their event."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import and_, func, literal, or_, select, update
from sqlmodel import col

from domain.purchases import OrderIds
from domain.referrals import ReferralStatus, pause_of
from domain.refusals import CannotCount
from domain.verdicts import CHECK
from store.database import Transaction
from store.eligibility.counting import Subject
from store.eligibility.rules import SeenByRule
from store.outbox.messages import Outgoing
from store.referrals.conversion import ConversionRequest, columns_of, enqueue_conversion, seen_for
from store.referrals.pauses import pause_now, record_held
from store.referrals.purchases import (
    any_of,
    lock_orders,
    must_be_unused,
    redeemed_orders,
)
from store.referrals.reinstatement import buy_again
from store.referrals.unmatched import why_nothing
from store.tables import Campaign, CampaignVersion, Redemption, Referral, Voucher
from store.tables.columns import documents
from store.terms import terms_of


class Converted(NamedTuple):
    """The referrals that the event concerns, oldest first, and their messages. `repeat`: the event
    changed nothing, because it was seen or the pair was converted before."""

    referrals: list[Referral]
    repeat: bool
    intake: list[Outgoing]
    unmatched: str | None = None
    """Why nothing converted, in words."""
    event_id: str | None = None
    """The event's identity, as the conversions store it."""


def reopens(referral: Referral, request: ConversionRequest) -> bool:
    """Whether the referral has expired, and this was bought in time."""
    expired = referral.status == ReferralStatus.EXPIRED
    in_time = referral.expires_at >= request.bought_at
    return request.occurred_at is not None and expired and in_time


def takes(referral: Referral, request: ConversionRequest) -> bool:
    """Whether the referral can be converted by this."""
    return referral.status == ReferralStatus.WAITING or reopens(referral, request)


async def convert_all(tx: Transaction, request: ConversionRequest) -> Converted:
    """An event without a code: every waiting referral of the customer converts.

    One whose rules are not met keeps waiting, with the reason in its timeline. If none waits, the
    answer is what such an event converted before."""
    terms = documents(CampaignVersion, "terms")
    found = await tx.session.execute(
        select(Referral, col(Campaign.active), col(Voucher.active))
        .join(Campaign, col(Campaign.id) == Referral.campaign_id)
        .join(Voucher, col(Voucher.id) == Referral.voucher_id)
        .join(
            CampaignVersion,
            and_(
                col(CampaignVersion.campaign_id) == Referral.campaign_id,
                col(CampaignVersion.version) == Referral.campaign_version,
            ),
        )
        .where(
            col(Referral.referee_id) == request.customer_id,
            terms["conversion"].astext == request.kind,
            terms["event_name"].astext == request.event,
            or_(
                col(Referral.status) == ReferralStatus.WAITING,
                col(Referral.conversion).is_not(None),
                and_(
                    col(Referral.status) == ReferralStatus.EXPIRED,
                    col(Referral.expires_at) >= request.bought_at,
                    literal(request.occurred_at is not None),
                ),
            ),
        )
        .order_by(col(Referral.id))
    )
    rows = found.all()
    paused = [
        referral.id
        for referral, campaign, code in rows
        if pause_of(campaign_active=campaign, code_active=code)
    ]
    referrals = [row[0] for row in rows]
    if not referrals:
        return Converted([], repeat=False, intake=[], unmatched=await why_nothing(tx, request))
    waiting = [one for one in referrals if takes(one, request)]
    return await convert_these(tx, waiting or referrals, request, paused)


async def convert_these(
    tx: Transaction,
    referrals: list[Referral],
    request: ConversionRequest,
    paused: Collection[str] = (),
) -> Converted:
    """Mark each as converted unless a concurrent request did.

    Conversions of `paused` ones, by their campaign or their code, are held. Raises CannotCount if a
    rule is not met and the event came with a code: the sender named this referral, and may know."""
    outgoing = []
    orders = await _orders(tx, referrals, request)
    for referral in referrals:
        if not takes(referral, request):
            again = await buy_again(tx, referral, request)
            outgoing += [again] if again else []
            continue
        own = orders.get(referral.id, request.orders)
        try:
            seen = await _judged(tx, referral, request, own)
        except CannotCount as refusal:
            if request.code is not None:
                raise
            _note(tx, referral, refusal)
            continue
        priced = await _priced(tx, referral, request, own)
        pause = await pause_now(tx, referral) if referral.id in paused else None
        columns = columns_of(priced, seen, own) | {"reason": pause}
        if await _won(tx, referral, columns, request):
            if referral.status == ReferralStatus.EXPIRED:
                _tell_reopened(tx, referral, request)
            outgoing.append(await enqueue_conversion(tx, referral, request))
            if pause:
                record_held(tx, referral, pause)
        await tx.session.refresh(referral)
    return Converted(referrals, repeat=not outgoing, intake=outgoing)


async def _orders(
    tx: Transaction, referrals: list[Referral], request: ConversionRequest
) -> dict[str, OrderIds]:
    """The order behind each conversion if the event names none; locked, as a named one is."""
    waiting = [one for one in referrals if takes(one, request)]
    if request.orders.keys or not waiting:
        await lock_orders(tx, [request.orders] if waiting else [])
        return {}
    redeemed = await redeemed_orders(tx, waiting)
    await lock_orders(tx, redeemed.values())
    return redeemed


async def _judged(
    tx: Transaction, referral: Referral, request: ConversionRequest, orders: OrderIds
) -> SeenByRule:
    """Judged by this friend's terms; a repeat of a conversion is not judged."""
    if not takes(referral, request):
        return {}
    terms = await terms_of(tx, referral.campaign_id, referral.campaign_version)
    parties = (referral.referee_id, referral.referrer_id)
    subject = Subject(referral.campaign_id, referral.voucher_id, *parties, referral.id)
    await must_be_unused(tx, terms, referral.campaign_id, orders, referral.id)
    return await seen_for(tx, terms, request, subject)


async def _priced(
    tx: Transaction, referral: Referral, request: ConversionRequest, orders: OrderIds
) -> ConversionRequest:
    """With the amount paid. An event with the order's amount before the checkout's discount means
    the rest after it."""
    stated = orders.keys and request.order_amount is not None
    if request.paid_amount is not None or not stated:
        return request
    paid = await tx.session.scalar(
        select(col(Redemption.amount) - col(Redemption.discount_amount))
        .where(
            col(Redemption.referral_id) == referral.id,
            any_of(Redemption, orders),
            col(Redemption.amount) == request.order_amount,
        )
        .order_by(col(Redemption.id).desc())
        .limit(1)
    )
    return request if paid is None else request.model_copy(update={"paid_amount": paid})


_TAKES = (ReferralStatus.WAITING,)
_TAKES_LATE = (ReferralStatus.WAITING, ReferralStatus.EXPIRED)


def _tell_reopened(tx: Transaction, referral: Referral, request: ConversionRequest) -> None:
    tx.record(
        "referral.reopened",
        "Expired referral reopened",
        detail=f"Bought on {request.bought_at:%Y-%m-%d %H:%M} UTC, within the window until "
        f"{referral.expires_at:%Y-%m-%d %H:%M} UTC, and told of afterwards.",
        **referral.event_ids,
    )


async def _won(
    tx: Transaction, referral: Referral, columns: dict[str, Any], request: ConversionRequest
) -> bool:
    """A compare-and-set on the row, so that of ten simultaneous events one converts, and the others
    get the same answer."""
    won = await tx.session.execute(
        update(Referral)
        .where(
            col(Referral.id) == referral.id,
            col(Referral.status).in_(_TAKES_LATE if request.occurred_at else _TAKES),
            col(Referral.expires_at) >= request.bought_at,
        )
        .values(**columns, updated_at=func.now())
        .returning(col(Referral.id))
        .execution_options(synchronize_session=False)
    )
    return won.scalar() is not None


def _note(tx: Transaction, referral: Referral, refusal: CannotCount) -> None:
    judged = ("validation_rule", "order", CHECK)
    kept = [one for one in referral.verdicts if one["check"] not in judged]
    referral.verdicts = kept + refusal.details.get("verdicts", [])
    tx.record(
        "referral.not_converted",
        "An event did not convert the referral",
        detail=refusal.detail,
        data={"rule_id": refusal.details.get("resource_id"), "key": refusal.key},
        **referral.event_ids,
    )
