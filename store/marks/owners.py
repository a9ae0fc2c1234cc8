"""The owner of a mark in a campaign: the friend who counted with it first."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, cast, delete, func, select, text, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from store.database import Transaction
from store.marks.changes import keyed
from store.tables import ErasedMark, PersonMark, RefereeMark, Referral

# A second transaction waits here for the first to commit, and then reads the owner.
_CLAIM = text(
    "INSERT INTO referee_marks (campaign_id, mark, customer_id)"
    " SELECT :campaign, mark, :customer"
    " FROM unnest(CAST(:marks AS text[])) AS given(mark) ORDER BY mark"
    " ON CONFLICT (campaign_id, mark) DO UPDATE SET mark = EXCLUDED.mark"
    " RETURNING mark, customer_id"
)


async def owners(
    tx: Transaction, campaign_id: str, customer_id: str, marks: dict[str, str]
) -> dict[str, str]:
    """Claim these marks for a friend. Returns, by kind, which other counted friend has or had one,
    also if they were erased since."""
    if not marks:
        return {}
    claimed = await tx.session.execute(
        _CLAIM,
        {"campaign": campaign_id, "customer": customer_id, "marks": list(marks)},
    )
    found = {marks[mark]: owner for mark, owner in claimed if owner != customer_id}
    return await counted(tx, campaign_id, customer_id, marks) | found


_COUNTED = (
    col(Referral.campaign_id) == bindparam("campaign"),
    col(Referral.referee_id) != bindparam("customer"),
    col(Referral.ordinal).is_not(None),
)
_GIVEN = cast(bindparam("marks"), ARRAY(Text))
_KEYED = cast(bindparam("keyed"), ARRAY(Text))
# Started after the claim, so it sees what the awaited transaction committed.
_ELSEWHERE = union_all(
    select(col(PersonMark.mark), col(PersonMark.customer_id))
    .join(Referral, col(Referral.referee_id) == PersonMark.customer_id)
    .where(
        col(PersonMark.mark) == func.any(_GIVEN), col(PersonMark.cleared_at).is_(None), *_COUNTED
    ),
    select(col(ErasedMark.mark), col(ErasedMark.customer_id))
    .join(Referral, col(Referral.referee_id) == ErasedMark.customer_id)
    .where(col(ErasedMark.mark) == func.any(_KEYED), ErasedMark.forget_at > func.now(), *_COUNTED),
    select(col(RefereeMark.mark), col(RefereeMark.customer_id)).where(
        col(RefereeMark.campaign_id) == bindparam("campaign"),
        col(RefereeMark.mark) == func.any(_GIVEN),
        col(RefereeMark.customer_id) != bindparam("customer"),
    ),
)


async def counted(
    tx: Transaction, campaign_id: str, customer_id: str, marks: dict[str, str]
) -> dict[str, str]:
    """By kind, who else has or had one of these and counts as a friend in the campaign."""
    if not marks:
        return {}
    hashed = await keyed(tx, marks)
    found = await tx.session.execute(
        _ELSEWHERE,
        {
            "campaign": campaign_id,
            "customer": customer_id,
            "marks": list(marks),
            "keyed": list(hashed.values()),
        },
    )
    kinds = marks | {hashed[mark]: kind for mark, kind in marks.items()}
    return {kinds[mark]: owner for mark, owner in found}


async def give_up(tx: Transaction, referral: Referral) -> None:
    """Release the marks of a friend who does not count."""
    await tx.session.execute(
        delete(RefereeMark).where(
            col(RefereeMark.campaign_id) == referral.campaign_id,
            col(RefereeMark.customer_id) == referral.referee_id,
        )
    )
