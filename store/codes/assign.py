"""Gives referral codes to the people who share them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.campaigns import CampaignTerms, CampaignType
from domain.ids import Prefix, new_id
from domain.refusals import AlreadyExists, CannotCount
from store.codes.generate import mint
from store.database import Transaction
from store.eligibility.lookup import must_be_in_use
from store.tables import Campaign, Holder, Voucher

OWNER = "OWNER"
"""Holds the code and is rewarded for it."""
REFERRER = "REFERRER"
"""Shares somebody else's code."""


class Request(NamedTuple):
    """A request for a certain code, or for any of the campaign's."""

    customer_id: str
    code: str | None
    once: bool
    """One code per customer: a customer who has one gets the same again."""


async def give(
    tx: Transaction, campaign: Campaign, terms: CampaignTerms, request: Request
) -> Voucher:
    """Make the customer a holder. The caller has locked the customer's row, so of two requests for
    one customer the second finds the first one's code."""
    if request.code is not None:
        return await _give_this(tx, campaign, terms, request)
    held = await _held(tx, campaign.id, request.customer_id) if request.once else None
    if held:
        return held
    voucher = await _from_pool(tx, campaign.id)
    if voucher is None:
        if campaign.type != CampaignType.AUTO_UPDATE:
            raise CannotCount(
                "no_voucher_suitable_for_publication", "All codes of this campaign are given out."
            )
        (voucher_id,) = await mint(tx, campaign.id, terms.code_config, 1)
        voucher = await tx.session.get_one(Voucher, voucher_id)
    await _hold(tx, voucher, request, OWNER, terms.activity_duration_after_publishing)
    return voucher


async def _give_this(
    tx: Transaction, campaign: Campaign, terms: CampaignTerms, request: Request
) -> Voucher:
    """A certain code: its first holder owns it, later ones share it."""
    voucher = (
        await tx.session.scalars(
            select(Voucher).where(col(Voucher.code) == request.code).with_for_update()
        )
    ).one()
    must_be_in_use(tx, voucher.active)
    holders = await tx.session.execute(
        select(col(Holder.customer_id)).where(col(Holder.voucher_id) == voucher.id)
    )
    holding = set(holders.scalars())
    if request.customer_id in holding:
        return voucher
    if not holding and request.once and await _held(tx, campaign.id, request.customer_id):
        raise AlreadyExists("The customer holds another code of this join-once campaign.")
    role = REFERRER if holding else OWNER
    await _hold(tx, voucher, request, role, terms.activity_duration_after_publishing)
    return voucher


async def _held(tx: Transaction, campaign_id: str, customer_id: str) -> Voucher | None:
    statement = (
        select(Voucher)
        .join(Holder, col(Holder.voucher_id) == Voucher.id)
        .where(
            col(Holder.campaign_id) == campaign_id,
            col(Holder.customer_id) == customer_id,
            col(Holder.role) == OWNER,
        )
        .order_by(col(Holder.id))
        .limit(1)
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def _from_pool(tx: Transaction, campaign_id: str) -> Voucher | None:
    """The next free code. Concurrent publications skip codes that are being taken."""
    statement = (
        select(Voucher)
        .where(
            col(Voucher.campaign_id) == campaign_id,
            col(Voucher.published).is_(False),
            col(Voucher.active),
        )
        .order_by(col(Voucher.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def _hold(
    tx: Transaction, voucher: Voucher, request: Request, role: str, window: timedelta | None
) -> None:
    if window and not voucher.published:
        voucher.active_until = tx.now + window
    voucher.published = True
    await tx.session.execute(
        insert(Holder).values(
            id=new_id(Prefix.HOLDER),
            voucher_id=voucher.id,
            campaign_id=voucher.campaign_id,
            customer_id=request.customer_id,
            role=role,
            once=request.once,
            created_at=tx.now,
        )
    )
