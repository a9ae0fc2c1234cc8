"""Publications: giving a customer a code to share. Safe to repeat."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.ids import Prefix, new_id
from domain.refusals import IdentityReused, NotFound
from domain.repeats import Content, Kind, trimmed
from store.access.identities import Given, given, keep, must_match, recall
from store.codes import assign
from store.database import Transaction
from store.eligibility.admission import must_belong
from store.eligibility.lookup import must_be_switched_on, must_not_have_ended
from store.eligibility.spent import must_not_be_spent
from store.tables import Campaign, CampaignVersion, Publication, Voucher


class PublicationRequest(BaseModel):
    """A certain `code`, or any of the `campaign` (name or id). `source_id` is the caller's own
    identity for the publication."""

    customer_id: str
    campaign: str | None = None
    code: str | None = None
    source_id: str | None = None
    join_once: bool = False
    channel: str = "API"
    metadata: dict[str, Any] = {}


async def publish(tx: Transaction, request: PublicationRequest) -> str:
    """Give the customer a code; return the publication's id.

    A repeat, recognised by its `source_id`, or in a join-once campaign by its customer, returns the
    first one. Raises IdentityReused for a `source_id` that was another customer's, campaign's or
    code's before. The caller has locked the customer's row in this transaction
    (store.customers.upsert.upsert)."""
    identity = given(Kind.PUBLICATION, request.source_id) if request.source_id else None
    if identity and (earlier := await _repeated(tx, identity, request)):
        return earlier
    campaign, terms = await _find_campaign(tx, request)
    _must_be_open(tx, campaign)
    if not terms.audience.referrers.everybody:
        await must_belong(tx, terms.audience.referrers, request.customer_id, terms.days)
    once = campaign.join_once or request.join_once
    wanted = assign.Request(request.customer_id, request.code, once)
    voucher = await assign.give(tx, campaign, terms, wanted)
    if request.source_id is None and once:
        earlier = await _latest(tx, voucher.id, request.customer_id)
        if earlier:
            return earlier
    await must_not_be_spent(tx, campaign.id, terms)
    publication_id = new_id(Prefix.PUBLICATION)
    if identity:
        content = _content(request, campaign.id, voucher.id)
        await keep(tx, identity, content, [publication_id])
    return await _insert(tx, publication_id, voucher, request)


def _content(request: PublicationRequest, campaign_id: str, *codes: str) -> Content:
    return Content(customer=request.customer_id, campaign=campaign_id, codes=list(codes))


async def _repeated(tx: Transaction, identity: Given, request: PublicationRequest) -> str | None:
    """The publication that this request repeats."""
    known = await recall(tx, identity)
    if not known:
        return await _recorded_before(tx, request)
    first = known[0].content["campaign"]
    # The first request's campaign, even if it was renamed since.
    campaign_id = await _campaign_of(tx, request.campaign) or first
    codes = [await _voucher_of(tx, request.code) or request.code] if request.code else []
    return must_match(identity, known, _content(request, campaign_id, *codes))[0]


async def _recorded_before(tx: Transaction, request: PublicationRequest) -> str | None:
    """A publication from before contents were stored; only its customer is compared."""
    source_id = request.source_id or ""
    spellings = {source_id, trimmed(source_id)}
    statement = select(Publication).where(col(Publication.source_id).in_(spellings))
    earlier = (await tx.session.scalars(statement.limit(1))).one_or_none()
    if earlier is None:
        return None
    if earlier.customer_id != request.customer_id:
        raise IdentityReused(
            "This source_id belongs to another customer's publication.", field="/source_id"
        )
    return earlier.id


async def _campaign_of(tx: Transaction, ref: str | None) -> str | None:
    """The id of the campaign with this id or name."""
    named = or_(col(Campaign.id) == ref, col(Campaign.name) == ref)
    statement = select(col(Campaign.id)).where(named).order_by((col(Campaign.id) == ref).desc())
    return await tx.session.scalar(statement.limit(1))


async def _voucher_of(tx: Transaction, code: str) -> str | None:
    return await tx.session.scalar(select(col(Voucher.id)).where(col(Voucher.code) == code))


async def _find_campaign(
    tx: Transaction, request: PublicationRequest
) -> tuple[Campaign, CampaignTerms]:
    statement = select(Campaign, col(CampaignVersion.terms)).join(
        CampaignVersion,
        and_(
            col(CampaignVersion.campaign_id) == Campaign.id,
            col(CampaignVersion.version) == Campaign.version,
        ),
    )
    if request.code is not None:
        statement = statement.join(Voucher, col(Voucher.campaign_id) == Campaign.id).where(
            col(Voucher.code) == request.code
        )
    else:
        named = or_(col(Campaign.name) == request.campaign, col(Campaign.id) == request.campaign)
        statement = statement.where(named).order_by((col(Campaign.id) == request.campaign).desc())
    row = (await tx.session.execute(statement)).first()
    if row is None and request.code is not None:
        raise NotFound("voucher", request.code, field="/voucher")
    if row is None:
        raise NotFound("campaign", request.campaign or "", field="/campaign/name")
    return row[0], CampaignTerms.model_validate(row[1])


def _must_be_open(tx: Transaction, campaign: Campaign) -> None:
    """Codes may be given out before a campaign begins, but not after its end."""
    must_be_switched_on(tx, campaign.active)
    must_not_have_ended(tx, campaign.expiration_date)


async def _latest(tx: Transaction, voucher_id: str, customer_id: str) -> str | None:
    statement = (
        select(col(Publication.id))
        .where(
            col(Publication.voucher_id) == voucher_id, col(Publication.customer_id) == customer_id
        )
        .order_by(col(Publication.id).desc())
        .limit(1)
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def _insert(
    tx: Transaction, publication_id: str, voucher: Voucher, request: PublicationRequest
) -> str:
    inserted = await tx.session.execute(
        insert(Publication)
        .values(
            id=publication_id,
            source_id=trimmed(request.source_id) if request.source_id else None,
            campaign_id=voucher.campaign_id,
            voucher_id=voucher.id,
            customer_id=request.customer_id,
            channel=request.channel,
            attributes=request.metadata,
            created_at=tx.now,
        )
        .on_conflict_do_nothing(index_elements=["source_id"])
        .returning(col(Publication.id))
    )
    if inserted.scalar() is None:
        raise IdentityReused(
            "This source_id belongs to another customer's publication.", field="/source_id"
        )
    tx.record(
        "publication.created",
        "Referral code given to a customer",
        campaign_id=voucher.campaign_id,
        customer_id=request.customer_id,
        data={"publication_id": publication_id, "voucher_id": voucher.id},
    )
    return publication_id
