"""Follows short links: where they lead, and how often they were followed."""

from __future__ import annotations

import random
from datetime import UTC

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.codes import code_typed
from domain.links import landing_address
from domain.refusals import NotFound
from store.database import Transaction
from store.references import voucher_of_code
from store.tables import Campaign, LinkVisits, Voucher, metadata

_VISITS = metadata.tables[str(LinkVisits.__tablename__)]
_PARTS = 4


async def follow(tx: Transaction, code: str, *, counts: bool) -> str:
    """The address behind a code's short link; count a visit. Raises NotFound for an unknown code,
    and for a campaign without a landing address."""
    found = await tx.session.execute(
        select(col(Voucher.id), col(Voucher.code), col(Campaign.id), col(Campaign.landing_url))
        .join(Campaign, col(Campaign.id) == Voucher.campaign_id)
        .where(col(Voucher.id) == voucher_of_code(code_typed(code)))
    )
    row = found.one_or_none()
    if row is None or row.landing_url is None:
        raise NotFound("link", code)
    if counts:
        await _count(tx, row[0], row[2])
    return landing_address(row.landing_url, row.code)


async def _count(tx: Transaction, voucher_id: str, campaign_id: str) -> None:
    visit = insert(LinkVisits).values(
        voucher_id=voucher_id,
        day=tx.now.astimezone(UTC).date(),
        part=random.randrange(_PARTS),  # noqa: S311 - it spreads, and guards nothing
        campaign_id=campaign_id,
        visits=1,
    )
    await tx.session.execute(
        visit.on_conflict_do_update(
            index_elements=["voucher_id", "day", "part"],
            set_={"visits": _VISITS.c.visits + 1},
        )
    )
