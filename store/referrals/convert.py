"""Converting referrals that wait for their event."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select, update
from sqlmodel import col

from domain.referrals import Pause, ReferralStatus, pause_of
from domain.refusals import CannotCount
from store.database import Transaction
from store.eligibility.counting import Subject
from store.eligibility.rules import SeenByRule
from store.outbox.messages import Outgoing
from store.referrals.conversion import ConversionRequest, columns_of, enqueue, seen_for, subject_of
from store.referrals.pauses import pause_now, tell_held
from store.tables import Campaign, CampaignVersion, Redemption, Referral, Voucher
from store.tables.columns import documents
from store.terms import terms_of


class Converted(NamedTuple):
    """The referrals that the event concerns, oldest first, and the messages it makes. `repeat`:
    the event changed nothing, for it had been seen or the pair was converted before."""

    referrals: list[Referral]
    repeat: bool
    intake: list[Outgoing]


async def convert_all(tx: Transaction, request: ConversionRequest) -> Converted:
    """An event without a code: every referral of the customer that waits for it converts. One
    whose rules are not met goes on waiting, and tells why."""
    terms, conversion = documents(CampaignVersion, "terms"), documents(Referral, "conversion")
    waiting = await tx.session.execute(
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
                conversion["event_id"].astext == request.identity(),
            ),
        )
        .order_by(col(Referral.id))
    )
    found = waiting.all()
    paused = [
        referral.id
        for referral, campaign, code in found
        if pause_of(campaign_active=campaign, code_active=code)
    ]
    return await convert_these(tx, [row[0] for row in found], request, paused)


async def convert_these(
    tx: Transaction,
    referrals: list[Referral],
    request: ConversionRequest,
    paused: Collection[str] = (),
) -> Converted:
    """Mark each as converted if nobody else did. The conversions of those that are `paused`, by
    their campaign or their code, are held. Raises CannotCount where a rule is not met and the
    event came with a code: it is about this referral, and its sender may know."""
    outgoing = []
    for referral in referrals:
        try:
            seen = await _judged(tx, referral, request)
        except CannotCount as refusal:
            if request.code is not None:
                raise
            _note(tx, referral, refusal)
            continue
        priced = await _priced(tx, referral, request)
        pause = await pause_now(tx, referral) if referral.id in paused else None
        if await _won(tx, referral, priced, seen, pause):
            outgoing.append(await enqueue(tx, referral, request))
            if pause:
                tell_held(tx, referral, pause)
        await tx.session.refresh(referral)
    return Converted(referrals, repeat=not outgoing, intake=outgoing)


async def _judged(tx: Transaction, referral: Referral, request: ConversionRequest) -> SeenByRule:
    """By the terms that this friend was promised; a repeat of what converted is not judged."""
    if referral.status != ReferralStatus.WAITING:
        return {}
    terms = await terms_of(tx, referral.campaign_id, referral.campaign_version)
    parties = (referral.referee_id, referral.referrer_id)
    subject = Subject(referral.campaign_id, referral.voucher_id, *parties, referral.id)
    return await seen_for(tx, terms, request, subject)


async def _priced(
    tx: Transaction, referral: Referral, request: ConversionRequest
) -> ConversionRequest:
    """With what was paid. An event that names the order as it came to before the discount which
    the code gave at checkout is about what that left to pay."""
    stated = request.order_source_id and request.order_amount is not None
    if request.paid_amount is not None or not stated:
        return request
    paid = await tx.session.scalar(
        select(col(Redemption.amount) - col(Redemption.discount_amount))
        .where(
            col(Redemption.referral_id) == referral.id,
            col(Redemption.order_source_id) == request.order_source_id,
            col(Redemption.amount) == request.order_amount,
        )
        .order_by(col(Redemption.id).desc())
        .limit(1)
    )
    return request if paid is None else request.model_copy(update={"paid_amount": paid})


async def _won(
    tx: Transaction,
    referral: Referral,
    request: ConversionRequest,
    seen: SeenByRule,
    pause: Pause | None,
) -> bool:
    """A compare-and-set on the row, so that of ten simultaneous events one converts, and the rest
    answer like it."""
    won = await tx.session.execute(
        update(Referral)
        .where(
            col(Referral.id) == referral.id,
            col(Referral.status) == ReferralStatus.WAITING,
            col(Referral.expires_at) >= request.received_at,
        )
        .values(**columns_of(request, seen), reason=pause, updated_at=func.now())
        .returning(col(Referral.id))
        .execution_options(synchronize_session=False)
    )
    return won.scalar() is not None


def _note(tx: Transaction, referral: Referral, refusal: CannotCount) -> None:
    kept = [one for one in referral.verdicts if one["check"] not in ("validation_rule", "order")]
    referral.verdicts = kept + refusal.details.get("verdicts", [])
    tx.record(
        "referral.not_converted",
        "An event did not convert the referral",
        detail=refusal.detail,
        data={"rule_id": refusal.details.get("resource_id"), "key": refusal.key},
        **subject_of(referral),
    )
