"""Whether a campaign is spent: its budget or its total conversions are used up."""

from __future__ import annotations

from sqlalchemy import bindparam, case, select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.refusals import CannotCount
from domain.verdict import refused
from store.counts.sums import counted_of_campaign
from store.database import Transaction
from store.tables import Budget, Campaign, CampaignVersion
from store.tables.columns import documents

USED = (
    select(col(Budget.reserved) + col(Budget.committed))
    .where(col(Budget.campaign_id) == Campaign.id, col(Budget.ceiling).is_not(None))
    .correlate(Campaign)
    .scalar_subquery()
    .label("used")
)
"""Reserved and committed budget of a campaign, in minor units."""
_CONVERSIONS = counted_of_campaign("referral", "%/qualified")
COUNTED = case(
    (
        documents(CampaignVersion, "terms")["limits"]["redemptions"].astext.is_not(None),
        _CONVERSIONS,
    ),
    else_=0,
).label("counted")
"""Its conversions, if the terms limit them; else not counted."""
_LEFT = (
    select(USED, COUNTED)
    .select_from(Campaign)
    .join(CampaignVersion, col(CampaignVersion.campaign_id) == Campaign.id)
    .where(
        col(Campaign.id) == bindparam("campaign"),
        col(CampaignVersion.version) == Campaign.version,
    )
)


async def must_not_be_spent(tx: Transaction, campaign_id: str, terms: CampaignTerms) -> None:
    """An early refusal: nobody could be rewarded any more. Raises CannotCount."""
    if terms.limits.budget is None and terms.limits.redemptions is None:
        return
    used, counted = (await tx.session.execute(_LEFT, {"campaign": campaign_id})).one()
    must_have_budget(terms, used or 0)
    if is_spent(terms, used or 0, counted):
        most = terms.limits.redemptions or 0
        detail = f"redemptions: {counted + 1} of at most {most}."
        numbers = {"limit": most, "after": counted + 1}
        raise refused("budget_exhausted", "redemptions", detail, **numbers)


def must_have_budget(terms: CampaignTerms, used: int) -> None:
    """An early refusal. The limit itself is enforced by qualification, under its lock."""
    if refusal := _budget_spent(terms, used):
        raise refusal


def is_spent(terms: CampaignTerms, used: int, counted: int) -> bool:
    """Whether nobody new can be rewarded. `used`: of the budget; `counted`: conversions so far."""
    most = terms.limits.redemptions
    return _budget_spent(terms, used) is not None or (most is not None and counted >= most)


def _budget_spent(terms: CampaignTerms, used: int) -> CannotCount | None:
    limit = terms.limits.budget
    if limit is None:
        return None
    left, needed = limit.amount - used, terms.least_cost()
    if left > 0 and left >= needed:
        return None
    return refused(
        "budget_exhausted",
        "budget",
        "The campaign's budget is spent.",
        limit=limit.amount,
        left=left,
        needed=needed,
        currency=limit.currency,
    )
