"""Edits a campaign: a change of its terms creates the next version.

Existing referrals keep their version; only `store.campaigns.move_referrals` moves them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain import ledger
from domain.campaigns import CampaignTerms
from domain.differences import Difference, differences
from domain.money import Money
from domain.refusals import AlreadyExists, NotAllowedInState, existing
from store.database import Transaction
from store.tables import Budget, Campaign, CampaignVersion, Referral

PLAIN = (
    "name",
    "description",
    "type",
    "join_once",
    "start_date",
    "expiration_date",
    "landing_url",
    "share_text",
    "attributes",
)
"""Columns of a campaign that are not part of its terms."""


async def lock(tx: Transaction, ref: str) -> Campaign:
    """The campaign, by id, else by name, locked: edits run one after the other. Raises NotFound."""
    statement = (
        select(Campaign)
        .where(or_(col(Campaign.id) == ref, col(Campaign.name) == ref))
        .order_by((col(Campaign.id) == ref).desc())
        .limit(1)
        # Allows rows that refer to the campaign to be inserted meanwhile.
        .with_for_update(key_share=True)
    )
    return existing((await tx.session.scalars(statement)).one_or_none(), "campaign", ref)


async def revise(
    tx: Transaction,
    campaign: Campaign,
    before: CampaignTerms,
    after: CampaignTerms,
    plain: dict[str, Any],
    *,
    actor: str,
) -> None:
    """Change a locked campaign. `before` are its current terms; `plain` names columns of PLAIN.

    Raises NotAllowedInState for what cannot change any more, AlreadyExists for a name that is
    taken."""
    changed = {name: value for name, value in plain.items() if getattr(campaign, name) != value}
    found = differences(before, after)
    if not changed and not found:
        return
    await _must_be_allowed(tx, campaign, before, after, changed)
    campaign.sqlmodel_update(changed)
    campaign.updated_at = tx.now
    if found:
        campaign.version += 1
        tx.session.add(_version(tx, campaign, after))
    await tx.session.flush()
    _record(tx, campaign, found, sorted(changed), actor)
    await tx.write_facts()
    if found:
        await _adapt_budgets(tx, campaign, before, after)


def _version(tx: Transaction, campaign: Campaign, terms: CampaignTerms) -> CampaignVersion:
    return CampaignVersion(
        campaign_id=campaign.id,
        version=campaign.version,
        terms=terms.model_dump(mode="json"),
        created_at=tx.now,
    )


async def _must_be_allowed(
    tx: Transaction,
    campaign: Campaign,
    before: CampaignTerms,
    after: CampaignTerms,
    changed: dict[str, Any],
) -> None:
    if changed.get("join_once") is False:
        raise NotAllowedInState("join_once cannot be taken back.", field="/join_once")
    if "name" in changed and await _is_taken(tx, changed["name"]):
        raise AlreadyExists("A campaign with this name exists.", field="/name")
    if not await _has_referrals(tx, campaign.id):
        return
    if (before.conversion, before.event_name) != (after.conversion, after.event_name):
        raise NotAllowedInState(
            "What converts cannot change once there are referrals.",
            field="/referral_program/conversion_event_type",
        )
    old, new = before.limits.budget, after.limits.budget
    if old and new and old.currency != new.currency:
        raise NotAllowedInState(
            "The budget's currency cannot change once there are referrals.",
            field="/referral_program/limits/budget/currency",
        )


async def _is_taken(tx: Transaction, name: str) -> bool:
    return bool(await tx.session.scalar(select(exists().where(col(Campaign.name) == name))))


async def _has_referrals(tx: Transaction, campaign_id: str) -> bool:
    found = exists().where(col(Referral.campaign_id) == campaign_id)
    return bool(await tx.session.scalar(select(found)))


async def _adapt_budgets(
    tx: Transaction, campaign: Campaign, before: CampaignTerms, after: CampaignTerms
) -> None:
    """Adjust the counters to the newest terms.

    They protect the campaign as a whole, whatever version a referral has. Their rows come last in
    the order of locks."""
    old, new = before.limits.budget, after.limits.budget
    if old != new:
        _fund(tx, campaign, old, new)
        await tx.write_facts()
    counted = {reward.face.currency for reward in after.rewards() if reward.face}
    currencies = counted | ({new.currency} if new else set()) | ({old.currency} if old else set())
    for currency in sorted(currencies):
        ceiling = new.amount if new and new.currency == currency else None
        await _set_ceiling(tx, campaign.id, currency, ceiling)


def _fund(tx: Transaction, campaign: Campaign, old: Money | None, new: Money | None) -> None:
    """Post the change of the budget, per currency."""
    for money in _changes(old, new):
        if money.amount:
            tx.post(ledger.fund(campaign.id, campaign.version, money))


def _changes(old: Money | None, new: Money | None) -> list[Money]:
    if old and new and old.currency == new.currency:
        return [new - old]
    return [money for money in (-old if old else None, new) if money]


async def _set_ceiling(
    tx: Transaction, campaign_id: str, currency: str, ceiling: int | None
) -> None:
    await tx.session.execute(
        insert(Budget)
        .values(campaign_id=campaign_id, currency=currency, reserved=0, committed=0)
        .on_conflict_do_nothing()
    )
    used = col(Budget.reserved) + col(Budget.committed)
    fits = true() if ceiling is None else used <= ceiling
    updated = await tx.session.execute(
        update(Budget)
        .where(col(Budget.campaign_id) == campaign_id, col(Budget.currency) == currency, fits)
        .values(ceiling=ceiling)
        .returning(col(Budget.campaign_id))
        .execution_options(synchronize_session=False)
    )
    if updated.scalar() is None:
        raise NotAllowedInState(
            "More than this budget is reserved or spent already.",
            field="/referral_program/limits/budget/amount",
        )


def _record(
    tx: Transaction,
    campaign: Campaign,
    found: list[Difference],
    changed: list[str],
    actor: str,
) -> None:
    also = [f"{name.replace('_', ' ')} changed" for name in changed]
    tx.record(
        "campaign.updated",
        f"Campaign edited; new referrals begin under version {campaign.version}"
        if found
        else "Campaign edited; its terms stay",
        detail="; ".join([difference.words for difference in found] + also)[:2000],
        source="staff",
        actor=actor,
        campaign_id=campaign.id,
        data={"version": campaign.version, "members": [one.member for one in found] + changed},
    )
