"""Records the decision about a conversion: what it earns, or why it earns nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, bindparam, func, insert, update
from sqlmodel import col

from domain.grants import GrantStatus
from domain.messages import Decision
from domain.referrals import ReferralStatus, status_of
from domain.rewards import reward_of
from domain.verdict import Verdict
from domain.verdicts import budget_verdict
from store.database import Transaction
from store.grants import receivables
from store.grants.create import record_grant
from store.ledger import budgets
from store.marks.owners import give_up
from store.qualification.case import Case
from store.tables import Grant, Referral, ReferrerProgress, metadata

# Built once: building a statement takes longer than executing it.
_COUNT = (
    update(ReferrerProgress)
    .where(
        col(ReferrerProgress.campaign_id) == bindparam("campaign"),
        col(ReferrerProgress.referrer_id) == bindparam("referrer"),
    )
    .values(
        unique_referees=bindparam("count"),
        conversions=func.greatest(
            col(ReferrerProgress.conversions), bindparam("number", type_=Integer)
        ),
        grants=col(ReferrerProgress.grants) + bindparam("granted", type_=Integer),
    )
    .execution_options(synchronize_session=False)
)
_GRANTS = insert(metadata.tables[str(Grant.__tablename__)])


async def accept(
    tx: Transaction,
    case: Case,
    new: list[Grant],
    reopened: list[Grant],
    verdicts: list[Verdict],
    *,
    kept: Sequence[Grant] = (),
) -> None:
    """Count the conversion and create its grants. `kept`: what it had earned before and still has.
    Raises budgets.BudgetSpent, at the very end."""
    referral, budget = case.referral, case.terms.limits.budget
    grants = [*new, *reopened]
    await receivables.net(tx, grants)
    owed = [grant for grant in grants if grant.status != GrantStatus.CANCELLED]
    faces = [face for grant in owed if (face := reward_of(grant.reward).face)]
    verdicts.append(
        budget_verdict(
            True,
            sum(face.amount for face in faces),
            budget.currency if budget else "",
            budget.amount if budget else None,
        )
    )
    await _count(tx, case, sum(grant.role == "referrer" for grant in new))
    if new:
        await tx.session.execute(_GRANTS, [grant.model_dump() for grant in new])
    own = [grant for grant in kept if grant.referral_id == referral.id]
    status = status_of(GrantStatus(grant.status) for grant in [*grants, *own])
    referral.ordinal = case.number
    _settle(tx, referral, status, verdicts)
    tx.record(
        "referral.qualified",
        "Conversion qualified",
        detail=f"Friend number {case.friends} of this referrer; {len(grants)} rewards granted",
        **referral.event_ids,
    )
    for grant in grants:
        record_grant(tx, grant)
    await tx.session.flush()
    await tx.write_facts()
    await budgets.reserve(tx, referral.campaign_id, faces)


async def _count(tx: Transaction, case: Case, granted: int) -> None:
    referral = case.referral
    values = {"campaign": referral.campaign_id, "referrer": referral.referrer_id}
    counted = {"count": case.friends, "number": case.number, "granted": granted}
    await tx.session.execute(_COUNT, values | counted)


def _settle(
    tx: Transaction, referral: Referral, status: ReferralStatus, verdicts: list[Verdict]
) -> None:
    referral.status, referral.updated_at = status, tx.now
    referral.verdicts = [verdict.model_dump(mode="json") for verdict in verdicts]


async def reject(tx: Transaction, referral: Referral, verdicts: list[Verdict]) -> Decision:
    """Reject the referral with its verdicts. It earns nothing, and its marks are free again."""
    await give_up(tx, referral)
    reasons = " ".join(verdict.detail for verdict in verdicts if not verdict.passed)
    referral.reason = reasons
    _settle(tx, referral, ReferralStatus.REJECTED, verdicts)
    tx.record("referral.rejected", "Conversion rejected", detail=reasons, **referral.event_ids)
    return Decision(qualified=False)
