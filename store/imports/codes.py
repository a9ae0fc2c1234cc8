"""Imports codes in bulk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from domain.code_imports import ImportedCode
from domain.dates import begins, ends
from domain.ids import Prefix, new_id
from store.database import Transaction
from store.imports.customers import Written, copy_in
from store.tables import Campaign
from store.terms import terms_of

_SCRATCH = """
CREATE TEMP TABLE arriving_codes (
    number int, id text, code text, active bool, category text, redeemed_quantity int,
    quantity int, start_date timestamptz, expiration_date timestamptz, attributes jsonb
) ON COMMIT DROP"""
_COLUMNS = ("number", "id", "code", "active", "category", "redeemed_quantity", "quantity")
_MORE = ("start_date", "expiration_date", "attributes")


async def write_codes(
    tx: Transaction, campaign_id: str, codes: Iterable[tuple[int, ImportedCode]]
) -> Written:
    """Create codes in a campaign's pool; for existing ones set `active` and `category`."""
    campaign = await tx.session.get(Campaign, campaign_id)
    if campaign is None:
        return Written(0, 0, [(number, "campaign: was deleted meanwhile") for number, _ in codes])
    zone = (await terms_of(tx, campaign_id, campaign.version)).windows.zone
    records = [_record(*row, zone) for row in codes]
    await copy_in(tx, _SCRATCH, "arriving_codes", (*_COLUMNS, *_MORE), records)
    given: dict[str, Any] = {"campaign": campaign_id, "now": tx.now}
    created = list(await tx.session.scalars(text(_INSERT), given))
    updated = list(await tx.session.scalars(text(_UPDATE), given))
    elsewhere = await tx.session.scalars(text(_ELSEWHERE), given)
    if created or updated:
        alike = await tx.session.scalar(text(_ALIKE)) or 0
        tx.record(
            "codes.imported",
            "Codes imported",
            detail=f"{len(created)} new, {len(updated)} changed"
            + (f"; {alike} are read like another code and have to be typed exactly" * bool(alike)),
            campaign_id=campaign_id,
        )
    wrong = [(number, "code: belongs to another campaign") for number in elsewhere]
    return Written(len(created), len(updated), wrong)


def _record(number: int, code: ImportedCode, zone: ZoneInfo) -> tuple[Any, ...]:
    return (
        number,
        new_id(Prefix.VOUCHER),
        code.code,
        code.active,
        code.category,
        code.redeemed_quantity,
        code.quantity,
        begins(code.start_date, zone) if code.start_date else None,
        ends(code.expiration_date, zone) if code.expiration_date else None,
        json.dumps(code.metadata),
    )


_INSERT = """
INSERT INTO vouchers (id, code, campaign_id, active, category, published, redeemed_quantity,
                      quantity, start_date, expiration_date, attributes, created_at)
SELECT DISTINCT ON (code) id, code, :campaign, active, category, false, redeemed_quantity,
       quantity, start_date, expiration_date, attributes, CAST(:now AS timestamptz)
FROM arriving_codes ORDER BY code, number DESC
ON CONFLICT (code) DO NOTHING RETURNING id"""

_UPDATE = """
UPDATE vouchers v SET active = a.active, updated_at = CAST(:now AS timestamptz),
    category = COALESCE(a.category, v.category)
FROM (SELECT DISTINCT ON (code) * FROM arriving_codes ORDER BY code, number DESC) a
WHERE v.code = a.code AND v.campaign_id = :campaign AND v.id <> a.id
  AND (v.active, v.category) IS DISTINCT FROM (a.active, COALESCE(a.category, v.category))
RETURNING v.id"""

_ALIKE = """
SELECT count(*) FROM arriving_codes a WHERE EXISTS (
    SELECT FROM vouchers v
    WHERE code_reading(v.code) = code_reading(a.code) AND v.code <> a.code)"""

_ELSEWHERE = """
SELECT a.number FROM arriving_codes a JOIN vouchers v USING (code)
WHERE v.campaign_id <> :campaign ORDER BY a.number"""
