"""Rewards that were stopped together with their campaign or their referral code."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, case, select
from sqlmodel import col

from domain.grants import Attention, GrantStatus
from domain.messages import Step
from store.database import Transaction
from store.grants import attention
from store.tables import Campaign, Grant, Referral, Voucher

STOPS = (Attention.CAMPAIGN_PAUSED, Attention.CODE_DISABLED)
_DETAIL = {
    Attention.CAMPAIGN_PAUSED: "The campaign was disabled, and its rewards with it.",
    Attention.CODE_DISABLED: "The referral code was disabled, and its rewards with it.",
}
# Enabling signals the referral's workflow; this is for a grant that an aftercare workflow handles.
_LOOK_AGAIN = timedelta(days=1)

_STOPPED = case(
    (col(Campaign.grants_stopped), Attention.CAMPAIGN_PAUSED),
    (col(Voucher.grants_stopped), Attention.CODE_DISABLED),
)
_OF_GRANTS = (
    select(col(Grant.id), _STOPPED)
    .join(Referral, col(Referral.id) == Grant.referral_id)
    .join(Campaign, col(Campaign.id) == Grant.campaign_id)
    .join(Voucher, col(Voucher.id) == Referral.voucher_id)
)
_OF_GRANT = _OF_GRANTS.where(col(Grant.id) == bindparam("grant"))
_PARKED = _OF_GRANTS.where(
    col(Grant.referral_id) == bindparam("referral"),
    col(Grant.status) == GrantStatus.NEEDS_ATTENTION,
    col(Grant.attention).in_(STOPS),
)


async def park_if_stopped(tx: Transaction, grant: Grant) -> Step | None:
    """Park a grant that must not be given now, because its campaign or code was disabled with its
    rewards. Returns None if it may be given. The caller has locked it, and knows that no card
    exists."""
    row = (await tx.session.execute(_OF_GRANT, {"grant": grant.id})).one()
    if row[1] is None:
        return None
    stop = Attention(row[1])
    step = await attention.park(tx, grant, stop, _DETAIL[stop])
    return step.model_copy(update={"after": _LOOK_AGAIN})


async def resumable(tx: Transaction, referral_id: str) -> list[str]:
    """The referral's grants that were parked for a stop that is over."""
    rows = await tx.session.execute(_PARKED, {"referral": referral_id})
    return [grant_id for grant_id, stop in rows if stop is None]
