"""Adds codes to a campaign's pool."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlmodel import col

from domain.codes import CodeConfig
from domain.refusals import InvalidPayload
from store.codes.generate import Making, mint, mint_this
from store.database import Transaction
from store.tables import Campaign, Voucher
from store.terms import terms_of

MAX_CODES = 100_000
"""Limit of a campaign's pool. Publications may create more, one by one."""


async def add_codes(
    tx: Transaction, campaign_id: str, count: int, config: CodeConfig | None, making: Making
) -> list[str]:
    """Add `count` codes to the pool of an existing campaign; return their ids. `config`: the
    campaign's own by default. Raises CannotCount if the pattern cannot make so many."""
    campaign = await _campaign(tx, campaign_id, making)
    have = await tx.session.scalar(
        select(func.count()).where(col(Voucher.campaign_id) == campaign_id)
    )
    if (have or 0) + count > MAX_CODES:
        raise InvalidPayload(
            f"A campaign's pool has at most {MAX_CODES} codes; this one has {have}.",
            field="/vouchers_count",
        )
    terms = await terms_of(tx, campaign_id, campaign.version)
    made = await mint(tx, campaign_id, config or terms.code_config, count, making)
    _record(tx, campaign_id, len(made))
    return made


async def add_code(tx: Transaction, campaign_id: str, code: str, making: Making) -> str:
    """Add this code to the pool; return its id. Raises AlreadyExists."""
    await _campaign(tx, campaign_id, making)
    voucher_id = await mint_this(tx, campaign_id, code, making)
    _record(tx, campaign_id, 1)
    return voucher_id


async def _campaign(tx: Transaction, campaign_id: str, making: Making) -> Campaign:
    """The campaign, if a code with these dates is valid in it."""
    campaign = await tx.session.get_one(Campaign, campaign_id)
    end = campaign.expiration_date
    if making.expiration_date and end and making.expiration_date > end:
        raise InvalidPayload(
            f"The campaign itself ends on {end:%Y-%m-%d %H:%M} UTC.", field="/expiration_date"
        )
    return campaign


def _record(tx: Transaction, campaign_id: str, count: int) -> None:
    tx.record(
        "voucher.created",
        "Referral codes added" if count > 1 else "Referral code added",
        campaign_id=campaign_id,
        data={"count": count},
    )
