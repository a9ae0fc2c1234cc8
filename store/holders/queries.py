"""Holders of a code, including the friends whom it referred: their referrals say so."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from domain.refusals import existing
from store.database import ReadSession
from store.lists.pages import AnySelect, Page, Window, read_page
from store.references import campaign_named, voucher_named
from store.tables import Campaign, Holder, Referral, Reversal, Voucher


class HolderRead(NamedTuple):
    """A holder of a code as OWNER, REFERRER or REFEREE; of a REFEREE, the referral too."""

    id: str
    created_at: datetime
    voucher_id: str
    campaign_id: str
    customer_id: str
    role: str
    metadata: dict[str, Any]
    referral_id: str | None


async def find_code(session: ReadSession, member: str, campaign: str | None) -> Voucher:
    """The code, by code or id, in this campaign (id or name) if one is given. Raises NotFound."""
    statement = (
        select(Voucher)
        .join(Campaign, col(Campaign.id) == Voucher.campaign_id)
        .where(col(Voucher.id) == voucher_named(member))
    )
    if campaign is not None:
        statement = statement.where(col(Campaign.id) == campaign_named(campaign))
    return existing((await session.scalars(statement)).one_or_none(), "voucher", member)


async def page(
    session: ReadSession, window: Window, voucher_id: str
) -> tuple[list[HolderRead], Page]:
    """Everybody who holds the code, the latest first."""
    everybody = _holders(voucher_id)
    found = await read_page(session, select(*everybody), everybody.id, window)
    return [HolderRead(*row) for row in found.rows], found


async def find(session: ReadSession, voucher_id: str, holder_id: str) -> HolderRead:
    """One holder of the code. Raises NotFound."""
    everybody = _holders(voucher_id)
    statement = select(*everybody).where(everybody.id == holder_id)
    row = existing((await session.execute(statement)).one_or_none(), "holder", holder_id)
    return HolderRead(*row)


async def of_referrals(
    session: ReadSession, voucher_id: str, referral_ids: list[str]
) -> list[HolderRead]:
    """The referees of these referrals, in their order."""
    everybody = _holders(voucher_id)
    statement = select(*everybody).where(everybody.referral_id.in_(referral_ids))
    found = {row.referral_id: HolderRead(*row) for row in await session.execute(statement)}
    return [found[id] for id in referral_ids if id in found]


def _holders(voucher_id: str) -> Any:
    """The columns of those who share the code, and of those whom it referred."""
    sharing: AnySelect = select(
        col(Holder.id).label("id"),
        col(Holder.created_at).label("created_at"),
        col(Holder.voucher_id).label("voucher_id"),
        col(Holder.campaign_id).label("campaign_id"),
        col(Holder.customer_id).label("customer_id"),
        col(Holder.role).label("role"),
        literal({}, JSONB()).label("metadata"),
        null().label("referral_id"),
    ).where(col(Holder.voucher_id) == voucher_id)
    undone = exists().where(
        col(Reversal.referral_id) == Referral.id, col(Reversal.refunded).is_(None)
    )
    referred = select(
        func.concat("rh_", func.split_part(col(Referral.id), "_", 2)),
        col(Referral.created_at),
        col(Referral.voucher_id),
        col(Referral.campaign_id),
        col(Referral.referee_id),
        literal("REFEREE"),
        col(Referral.attributes),
        col(Referral.id),
    ).where(col(Referral.voucher_id) == voucher_id, ~undone)
    return union_all(sharing, referred).subquery().c
