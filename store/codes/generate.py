"""Generates referral codes that are unique over all campaigns."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from domain.codes import CodeConfig, draw
from domain.ids import Prefix, new_id
from domain.refusals import AlreadyExists, CannotCount
from store.database import Transaction

_ROUNDS = 9
"""How often codes are drawn before the template counts as exhausted. Each round draws four times as
many as the one before, so that one free code among thousands of taken ones is found."""

_MOST = 20_000
"""Codes per statement: a busy database takes a few seconds."""
_MANY = 1000
"""More than this are drawn in a thread: a hundred thousand take a second, which would block other
requests."""

# Taken codes are left out before the limit is applied; concurrently taken ones are caught by the
# unique indexes. New codes must also differ as people type them.
_MINT = text(
    "INSERT INTO vouchers (id, code, campaign_id, generated, active, published, redeemed_quantity,"
    " category, quantity, start_date, expiration_date, attributes, created_at)"
    " SELECT id, code, :campaign_id, CAST(:generated AS boolean), true, false, 0,"
    " CAST(:category AS text), CAST(:quantity AS integer), CAST(:start_date AS timestamptz),"
    " CAST(:expiration_date AS timestamptz), :attributes, :now"
    " FROM unnest(CAST(:ids AS text[]), CAST(:codes AS text[])) AS drawn(id, code)"
    " WHERE NOT EXISTS (SELECT FROM vouchers WHERE vouchers.code = drawn.code)"
    " AND (CAST(:generated AS boolean) IS NULL OR NOT EXISTS (SELECT FROM vouchers"
    "  WHERE code_reading(vouchers.code) = code_reading(drawn.code)))"
    " LIMIT :wanted ON CONFLICT DO NOTHING RETURNING id"
).bindparams(bindparam("attributes", type_=JSONB()))


class Making(BaseModel):
    """Properties of new codes that do not come from their campaign."""

    category: str | None = None
    quantity: int | None = None
    start_date: datetime | None = None
    expiration_date: datetime | None = None
    metadata: dict[str, Any] = {}


async def mint(
    tx: Transaction, campaign_id: str, config: CodeConfig, count: int, making: Making | None = None
) -> list[str]:
    """Create `count` codes; return their ids. Raises CannotCount if the template has not so many
    left."""
    made: list[str] = []
    if count > config.combinations:
        raise _exhausted(config, count)
    while len(made) < count:
        made += await _mint_some(tx, campaign_id, config, min(count - len(made), _MOST), making)
    return made


async def _mint_some(
    tx: Transaction, campaign_id: str, config: CodeConfig, count: int, making: Making | None
) -> list[str]:
    made: list[str] = []
    for turn in range(_ROUNDS):
        missing = count - len(made)
        if not missing:
            return made
        ids, codes = await _drawn(config, max(missing, 4**turn))
        made += await _insert(tx, campaign_id, making or Making(), ids, codes, missing)
    if len(made) < count:
        raise _exhausted(config, count)
    return made


async def mint_this(tx: Transaction, campaign_id: str, code: str, making: Making) -> str:
    """Create this code; return its id. Raises AlreadyExists if it is taken."""
    given = [new_id(Prefix.VOUCHER)], [code]
    made = await _insert(tx, campaign_id, making, *given, 1, generated=None)
    if not made:
        raise AlreadyExists("This code exists.", field="/code")
    return made[0]


async def _drawn(config: CodeConfig, count: int) -> tuple[list[str], list[str]]:
    if count < _MANY:
        return _with_ids(config, count)
    return await asyncio.to_thread(_with_ids, config, count)


def _with_ids(config: CodeConfig, count: int) -> tuple[list[str], list[str]]:
    codes = list(draw(config, count))
    return [new_id(Prefix.VOUCHER) for _ in codes], codes


async def _insert(
    tx: Transaction,
    campaign_id: str,
    making: Making,
    ids: list[str],
    codes: list[str],
    wanted: int,
    *,
    generated: bool | None = True,
) -> list[str]:
    given = making.model_dump(exclude={"metadata"}) | {"attributes": making.metadata}
    drawn = {"ids": ids, "codes": codes, "wanted": wanted, "generated": generated}
    result = await tx.session.execute(
        _MINT, {"campaign_id": campaign_id, "now": tx.now} | given | drawn
    )
    return list(result.scalars())


def _exhausted(config: CodeConfig, count: int) -> CannotCount:
    return CannotCount(
        "no_voucher_suitable_for_publication",
        f"The code pattern makes {config.combinations} codes in all, and has no {count} left.",
    )
