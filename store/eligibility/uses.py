"""Limits and counts the uses of a code, and takes a use back."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.refusals import CannotCount
from domain.verdict import Verdict, refused, refused_by
from store.database import Transaction
from store.eligibility.lookup import Code
from store.tables import Redemption, Voucher


def uses_of(found: Code, terms: CampaignTerms) -> int | None:
    """How often the code may be used; None: unlimited."""
    return found.quantity if found.quantity is not None else terms.code_quantity


def must_have_uses(found: Code, terms: CampaignTerms) -> None:
    """An early refusal. The limit itself is enforced by `count`, on the code's row."""
    limit = uses_of(found, terms)
    if limit is not None and found.redeemed_quantity >= limit:
        raise used_up(limit, found.redeemed_quantity + 1)


async def must_be_within_limit(
    tx: Transaction, campaign_id: str, customer_id: str, terms: CampaignTerms
) -> Verdict:
    """Check redemptions per customer in the campaign, with any code. The customer's row is locked,
    so of two requests the second counts the first. Raises CannotCount."""
    used = await tx.session.scalar(
        select(func.count()).where(
            col(Redemption.campaign_id) == campaign_id,
            col(Redemption.customer_id) == customer_id,
            col(Redemption.counts),
        )
    )
    limit, after = terms.limits.redemptions_per_customer, (used or 0) + 1
    passed = after <= limit
    verdict = Verdict(
        check="redemptions_per_customer",
        passed=passed,
        detail=f"{after} of at most {limit} redemption(s) by the customer in this campaign."
        if passed
        else f"A customer may redeem {limit} time(s) in this campaign, and has done so.",
        numbers={"limit": limit, "after": after},
    )
    if not passed:
        raise refused_by("redemption_rules_violated", verdict)
    return verdict


async def count(tx: Transaction, found: Code, terms: CampaignTerms) -> None:
    """Count a use. The code's row stays locked until the commit, so this comes last."""
    limit = uses_of(found, terms)
    statement = (
        update(Voucher)
        .where(col(Voucher.id) == found.voucher_id)
        .values(redeemed_quantity=col(Voucher.redeemed_quantity) + 1)
        .returning(col(Voucher.id))
        .execution_options(synchronize_session=False)
    )
    if limit is not None:
        statement = statement.where(col(Voucher.redeemed_quantity) < limit)
    if (await tx.session.execute(statement)).scalar() is None:
        raise used_up(limit or 0, (limit or 0) + 1)


async def give_back(tx: Transaction, redemption: Redemption) -> None:
    """The use no longer counts, neither for the code nor for the customer."""
    redemption.counts = False
    await tx.session.execute(
        update(Voucher)
        .where(col(Voucher.id) == redemption.voucher_id)
        .values(redeemed_quantity=col(Voucher.redeemed_quantity) - 1)
        .execution_options(synchronize_session=False)
    )


def used_up(limit: int, after: int) -> CannotCount:
    """The refusal of a code without uses left."""
    detail = f"The code may be used {limit} time(s), and has been."
    return refused("quantity_exceeded", "code_uses", detail, limit=limit, after=after)
