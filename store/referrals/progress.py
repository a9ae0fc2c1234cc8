"""The lock that every decision about a referrer takes first."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from store.database import Transaction
from store.tables import ReferrerProgress


class Progress(NamedTuple):
    """A referrer's counts in a campaign. `conversions` never falls; `friends` does."""

    friends: int
    conversions: int
    grants: int


# Built once: building a statement takes longer than executing it.
_LOCK = (
    insert(ReferrerProgress)
    .values(
        campaign_id=bindparam("campaign_id"),
        referrer_id=bindparam("referrer_id"),
        unique_referees=0,
        conversions=0,
        grants=0,
    )
    .on_conflict_do_update(
        index_elements=["campaign_id", "referrer_id"],
        set_={"grants": col(ReferrerProgress.grants)},
    )
    .returning(
        col(ReferrerProgress.unique_referees),
        col(ReferrerProgress.conversions),
        col(ReferrerProgress.grants),
    )
)


async def lock_progress(tx: Transaction, campaign_id: str, referrer_id: str) -> Progress:
    """Conversions and reversals of one referrer are judged one after the other. The first one
    creates the row, so that there is always one to lock."""
    referrer = {"campaign_id": campaign_id, "referrer_id": referrer_id}
    return Progress(*(await tx.session.execute(_LOCK, referrer)).one())
