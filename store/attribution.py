"""Accepting a sign-up or a conversion: first-touch attribution, in the caller's transaction.

What can be checked at once is refused here, with its reason. What is accepted leaves a referral
row and an intake row; the caller commits, then hands the intake to the Dispatcher.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.campaigns import CampaignTerms, ConversionKind
from domain.ids import Prefix, digest, new_id, referral_workflow_id
from domain.messages import Conversion, ReferralStart
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount
from store.database import Transaction
from store.dispatch import Outgoing
from store.lookup import Code, look_up, must_be_live
from store.tables import (
    Campaign,
    CampaignVersion,
    Intake,
    Referral,
    metadata,
)
from store.tables.columns import documents


class ConversionRequest(BaseModel):
    """A conversion event as a caller sent it. `event` names a custom event; a code redemption
    has `kind` REDEMPTION and needs none. `event_id` is the caller's own identity for it."""

    kind: ConversionKind = ConversionKind.CUSTOM_EVENT
    event: str | None = None
    event_id: str | None = None
    customer_id: str
    code: str | None = None
    referrer_id: str | None = None
    order_source_id: str | None = None
    order_amount: int | None = None
    """What the order came to, minor units: refunds are shares of it."""
    metadata: dict[str, Any] = {}
    received_at: datetime

    def identity(self) -> str:
        """The event's identity: the caller's, else a hash of event, customer and code."""
        return self.event_id or digest(self.event or self.kind, self.customer_id, self.code or "")


class Attributed(NamedTuple):
    """A referral row and, when this call made it, the message that starts its workflow."""

    referral: Referral
    created: bool
    intake: list[Outgoing]


class Converted(NamedTuple):
    """The referrals that the event concerns, oldest first, and the messages it makes. `repeat`:
    the event changed nothing, for it had been seen or the pair was converted before."""

    referrals: list[Referral]
    repeat: bool
    intake: list[Outgoing]


async def sign_up(
    tx: Transaction, *, code: str, referee_id: str, metadata: dict[str, Any]
) -> Attributed:
    """Attribute a friend to a code at sign-up; the same friend and code again answer the same."""
    return await attribute(tx, await look_up(tx, code, referee_id, None), referee_id, metadata)


async def attribute(
    tx: Transaction, found: Code, referee_id: str, metadata: dict[str, Any]
) -> Attributed:
    """The same, for a code that was looked up for this friend."""
    if found.existing:
        return Attributed(same_code(found), created=False, intake=[])
    must_be_live(tx, found, new=True)
    referral, created = await _insert(tx, found, referee_id, metadata=metadata)
    outgoing = [await _enqueue(tx, referral, None)] if created else []
    return Attributed(referral, created, outgoing)


async def convert(tx: Transaction, request: ConversionRequest) -> Converted:
    """Accept a conversion: with a code it attributes and converts; without one, every referral
    of the customer that waits for this event converts."""
    if request.code is None:
        return await _convert_waiting(tx, request)
    found = await look_up(tx, request.code, request.customer_id, request.referrer_id)
    return await convert_by(tx, found, request)


async def convert_by(tx: Transaction, found: Code, request: ConversionRequest) -> Converted:
    """The same, for a code that was looked up for this friend."""
    if not _is_campaigns_event(found.terms, request):
        return Converted([found.existing] if found.existing else [], repeat=False, intake=[])
    if found.existing:
        referral = same_code(found)
        if referral.status != ReferralStatus.WAITING:
            return Converted([referral], repeat=True, intake=[])
        must_be_live(tx, found, new=False)
        return await _convert_existing(tx, [referral], request)
    must_be_live(tx, found, new=True)
    referral, created = await _insert(tx, found, request.customer_id, conversion=request)
    if not created:
        return await _convert_existing(tx, [referral], request)
    return Converted([referral], False, [await _enqueue(tx, referral, request)])


def _is_campaigns_event(terms: CampaignTerms, request: ConversionRequest) -> bool:
    return terms.conversion is request.kind and terms.event_name == request.event


def same_code(found: Code) -> Referral:
    """First touch: the first code that a friend uses in a campaign holds, for ever."""
    assert found.existing is not None  # noqa: S101 - the callers looked
    if found.existing.voucher_id != found.voucher_id:
        raise CannotCount("already_referred", "This customer was referred by another code.")
    return found.existing


_REFERRALS = metadata.tables[str(Referral.__tablename__)]
_INSERT_REFERRAL = select(Referral).from_statement(
    insert(_REFERRALS)
    .on_conflict_do_nothing(index_elements=["campaign_id", "referee_id"])
    .returning(_REFERRALS)
)
_INSERT_INTAKE = insert(metadata.tables[str(Intake.__tablename__)])


async def _insert(
    tx: Transaction,
    found: Code,
    referee_id: str,
    *,
    metadata: dict[str, Any] | None = None,
    conversion: ConversionRequest | None = None,
) -> tuple[Referral, bool]:
    """Insert the referral, or find the one that a concurrent request inserted first."""
    columns = {
        "id": new_id(Prefix.REFERRAL),
        "campaign_id": found.campaign_id,
        "campaign_version": found.version,
        "voucher_id": found.voucher_id,
        "referrer_id": found.referrer_id,
        "referee_id": referee_id,
        "status": ReferralStatus.WAITING,
        "created_at": tx.now,
        "expires_at": tx.now + found.terms.attribution_window,
        "verdicts": [],
        "workflow_id": referral_workflow_id(found.campaign_id, referee_id),
        "attributes": metadata or {},
        **(_conversion_columns(conversion) if conversion else {}),
    }
    referral = (await tx.session.scalars(_INSERT_REFERRAL, columns)).one_or_none()
    if referral is None:
        found = await look_up(tx, found.code, referee_id, found.referrer_id)
        return same_code(found), False
    tx.record("referral.attributed", "Friend attributed to a referral code", **_subject(referral))
    return referral, True


def _conversion_columns(request: ConversionRequest) -> dict[str, Any]:
    return {
        "status": ReferralStatus.CONVERTED,
        "converted_at": request.received_at,
        "conversion": {
            "event": request.event or request.kind,
            "event_id": request.identity(),
            "received_at": request.received_at.isoformat(),
        },
        "order_source_id": request.order_source_id,
        "order_amount": request.order_amount,
    }


def _subject(referral: Referral) -> dict[str, str]:
    return {
        "referral_id": referral.id,
        "campaign_id": referral.campaign_id,
        "customer_id": referral.referee_id,
    }


async def _convert_waiting(tx: Transaction, request: ConversionRequest) -> Converted:
    terms, conversion = documents(CampaignVersion, "terms"), documents(Referral, "conversion")
    waiting = await tx.session.scalars(
        select(Referral)
        .join(Campaign, col(Campaign.id) == Referral.campaign_id)
        .join(
            CampaignVersion,
            and_(
                col(CampaignVersion.campaign_id) == Referral.campaign_id,
                col(CampaignVersion.version) == Referral.campaign_version,
            ),
        )
        .where(
            col(Referral.referee_id) == request.customer_id,
            col(Campaign.active),
            terms["conversion"].astext == request.kind,
            terms["event_name"].astext == request.event,
            or_(
                col(Referral.status) == ReferralStatus.WAITING,
                conversion["event_id"].astext == request.identity(),
            ),
        )
        .order_by(col(Referral.id))
    )
    return await _convert_existing(tx, list(waiting), request)


async def _convert_existing(
    tx: Transaction, referrals: list[Referral], request: ConversionRequest
) -> Converted:
    """Mark each as converted if nobody else did: a compare-and-set on the row, so that of ten
    simultaneous events one converts, and the rest answer like it."""
    outgoing = []
    for referral in referrals:
        won = await tx.session.execute(
            update(Referral)
            .where(
                col(Referral.id) == referral.id,
                col(Referral.status) == ReferralStatus.WAITING,
                col(Referral.expires_at) >= request.received_at,
            )
            .values(**_conversion_columns(request), updated_at=func.now())
            .returning(col(Referral.id))
            .execution_options(synchronize_session=False)
        )
        if won.scalar() is not None:
            outgoing.append(await _enqueue(tx, referral, request))
        await tx.session.refresh(referral)
    return Converted(referrals, repeat=not outgoing, intake=outgoing)


async def _enqueue(
    tx: Transaction, referral: Referral, request: ConversionRequest | None
) -> Outgoing:
    """Write down the message to the workflow, in the transaction that makes it true."""
    start = ReferralStart(
        referral_id=referral.id,
        campaign_id=referral.campaign_id,
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        expires_at=referral.expires_at,
    )
    conversion, identity = None, digest(referral.id)
    if request is not None:
        # Hashed: an event id is the caller's own text, and a history may name nobody.
        event_id = digest(request.identity())
        conversion = Conversion(event_id=event_id, received_at=request.received_at)
        identity = digest(referral.id, conversion.event_id)
        tx.record(
            "referral.converted",
            "Conversion event accepted",
            detail=f"{request.event or 'code redemption'} received",
            data={"event_id": event_id},
            **_subject(referral),
        )
    outgoing = Outgoing(
        id=identity,
        workflow_id=referral.workflow_id,
        start=start,
        conversion=conversion,
    )
    await tx.session.execute(
        _INSERT_INTAKE,
        {
            "id": outgoing.id,
            "referral_id": referral.id,
            "start": start.model_dump(mode="json"),
            "conversion": conversion.model_dump(mode="json") if conversion else None,
            "received_at": tx.now,
        },
    )
    return outgoing
