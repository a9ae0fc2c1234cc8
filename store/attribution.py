"""Accepting a sign-up or a conversion: first-touch attribution, in the caller's transaction.

What can be checked at once is refused here, with its reason. What is accepted leaves a referral
row and an intake row; the caller commits, then hands the intake to the Dispatcher.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.campaigns import CampaignTerms, ConversionKind
from domain.ids import Prefix, new_id, referral_workflow_id
from domain.messages import Conversion, ReferralStart
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount, InvalidPayload, NotFound
from store.database import Transaction
from store.dispatch import Outgoing
from store.tables import (
    Budget,
    Campaign,
    CampaignVersion,
    Customer,
    Holder,
    Intake,
    Referral,
    Voucher,
    metadata,
)
from store.tables.columns import documents
from store.terms import terms_of


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
    metadata: dict[str, Any] = {}
    received_at: datetime

    def identity(self) -> str:
        """The event's identity: the caller's, else a hash of event, customer and code."""
        return self.event_id or _hash(self.event or self.kind, self.customer_id, self.code or "")


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


class _Code(NamedTuple):
    """A code with everything that decides whether it can count. `used`: what is reserved and
    committed of the budget, minor units."""

    code: str
    voucher_id: str
    voucher_active: bool
    campaign_id: str
    campaign_active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    version: int
    terms: CampaignTerms
    referrer_id: str
    existing: Referral | None
    used: int


async def sign_up(
    tx: Transaction, *, code: str, referee_id: str, metadata: dict[str, Any]
) -> Attributed:
    """Attribute a friend to a code at sign-up; the same friend and code again answer the same."""
    found = await _load(tx, code, referee_id, None)
    if found.existing:
        return Attributed(_same_code(found), created=False, intake=[])
    _must_be_live(tx, found, new=True)
    referral, created = await _insert(tx, found, referee_id, metadata=metadata)
    outgoing = [await _enqueue(tx, referral, None)] if created else []
    return Attributed(referral, created, outgoing)


async def convert(tx: Transaction, request: ConversionRequest) -> Converted:
    """Accept a conversion: with a code it attributes and converts; without one, every referral
    of the customer that waits for this event converts."""
    if request.code is None:
        return await _convert_waiting(tx, request)
    found = await _load(tx, request.code, request.customer_id, request.referrer_id)
    if not _is_campaigns_event(found.terms, request):
        return Converted([found.existing] if found.existing else [], repeat=False, intake=[])
    if found.existing:
        referral = _same_code(found)
        if referral.status != ReferralStatus.WAITING:
            return Converted([referral], repeat=True, intake=[])
        _must_be_live(tx, found, new=False)
        return await _convert_existing(tx, [referral], request)
    _must_be_live(tx, found, new=True)
    referral, created = await _insert(tx, found, request.customer_id, conversion=request)
    if not created:
        return await _convert_existing(tx, [referral], request)
    return Converted([referral], False, [await _enqueue(tx, referral, request)])


def _is_campaigns_event(terms: CampaignTerms, request: ConversionRequest) -> bool:
    return terms.conversion is request.kind and terms.event_name == request.event


def _hash(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def _code_statement(holds: ColumnElement[bool]) -> Any:
    """A code with everything that decides whether it can count, in one statement. Built once:
    putting it together takes longer than running it."""
    return (
        select(
            col(Voucher.id).label("voucher_id"),
            col(Voucher.active).label("voucher_active"),
            col(Campaign.id).label("campaign_id"),
            col(Campaign.active).label("campaign_active"),
            col(Campaign.start_date),
            col(Campaign.expiration_date),
            col(Campaign.version),
            col(Holder.customer_id).label("referrer_id"),
            col(Referral.id).label("existing_id"),
            (col(Budget.reserved) + col(Budget.committed)).label("used"),
        )
        .join(Campaign, col(Campaign.id) == Voucher.campaign_id)
        .outerjoin(Holder, and_(col(Holder.voucher_id) == Voucher.id, holds))
        .outerjoin(
            Referral,
            and_(
                col(Referral.campaign_id) == Campaign.id,
                col(Referral.referee_id) == bindparam("referee_id"),
            ),
        )
        .outerjoin(
            Budget,
            and_(col(Budget.campaign_id) == Campaign.id, col(Budget.ceiling).is_not(None)),
        )
        .where(col(Voucher.code) == bindparam("code"))
    )


_BY_OWNER = _code_statement(col(Holder.role) == "OWNER")
_BY_HOLDER = _code_statement(
    col(Holder.customer_id).in_(
        select(col(Customer.id)).where(
            or_(
                col(Customer.id) == bindparam("referrer"),
                col(Customer.source_id) == bindparam("referrer"),
            )
        )
    )
)


async def _load(tx: Transaction, code: str, referee_id: str, referrer: str | None) -> _Code:
    """The code, who is rewarded for it, its campaign's current terms, and what this friend
    already has there. The named referrer must hold the code; else the owner is."""
    parameters = {"code": code, "referee_id": referee_id}
    if referrer is None:
        result = await tx.session.execute(_BY_OWNER, parameters)
    else:
        result = await tx.session.execute(_BY_HOLDER, parameters | {"referrer": referrer})
    row = result.one_or_none()
    if row is None:
        raise NotFound("voucher", code, field="/code")
    _check_parties(row.referrer_id, referee_id, referrer)
    members = dict(row._mapping)
    existing_id, used = members.pop("existing_id"), members.pop("used") or 0
    return _Code(
        code=code,
        terms=await terms_of(tx, row.campaign_id, row.version),
        existing=await tx.session.get(Referral, existing_id) if existing_id else None,
        used=used,
        **members,
    )


def _check_parties(referrer_id: str | None, referee_id: str, named: str | None) -> None:
    if referrer_id is None and named is not None:
        raise InvalidPayload("The named referrer does not hold this code.", field="/referrer_id")
    if referrer_id is None:
        raise CannotCount("voucher_not_active", "The code has not been published to anybody.")
    if referrer_id == referee_id:
        raise CannotCount("referrer_not_permitted_to_redeem", "A referrer cannot use an own code.")


def _same_code(found: _Code) -> Referral:
    """First touch: the first code that a friend uses in a campaign holds, for ever."""
    assert found.existing is not None  # noqa: S101 - the callers looked
    if found.existing.voucher_id != found.voucher_id:
        raise CannotCount("already_referred", "This customer was referred by another code.")
    return found.existing


def _must_be_live(tx: Transaction, found: _Code, *, new: bool) -> None:
    """Disabled refuses everything; the campaign's end and an empty budget refuse new referrals,
    for a referral begun before keeps its window."""
    if not found.voucher_active:
        raise CannotCount("voucher_disabled", "The code is disabled.")
    if not found.campaign_active:
        raise CannotCount("campaign_not_live", "The campaign is disabled.")
    if not new:
        return
    if found.start_date and tx.now < found.start_date:
        raise CannotCount("campaign_not_live", "The campaign has not begun.")
    if found.expiration_date and tx.now >= found.expiration_date:
        raise CannotCount("campaign_not_live", "The campaign has ended.")
    _must_have_budget(found)


def _must_have_budget(found: _Code) -> None:
    """An early, friendly no. The limit itself is kept by qualification, under its lock."""
    limit = found.terms.limits.budget
    if limit is None:
        return
    left = limit.amount - found.used
    if left <= 0 or left < found.terms.least_cost():
        raise CannotCount("budget_exhausted", "The campaign's budget is spent.", left=left)


_REFERRALS = metadata.tables[str(Referral.__tablename__)]
_INSERT_REFERRAL = select(Referral).from_statement(
    insert(_REFERRALS)
    .on_conflict_do_nothing(index_elements=["campaign_id", "referee_id"])
    .returning(_REFERRALS)
)
_INSERT_INTAKE = insert(metadata.tables[str(Intake.__tablename__)])


async def _insert(
    tx: Transaction,
    found: _Code,
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
        found = await _load(tx, found.code, referee_id, found.referrer_id)
        return _same_code(found), False
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
    conversion, identity = None, _hash(referral.id)
    if request is not None:
        conversion = Conversion(event_id=request.identity(), received_at=request.received_at)
        identity = _hash(referral.id, conversion.event_id)
        tx.record(
            "referral.converted",
            "Conversion event accepted",
            detail=f"{request.event or 'code redemption'} received",
            data={"event_id": conversion.event_id},
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
