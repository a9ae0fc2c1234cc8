"""Creating campaigns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain import ledger
from domain.campaigns import CampaignTerms, CampaignType
from domain.ids import Prefix, new_id
from domain.refusals import AlreadyExists
from store.campaigns.rules import note
from store.codes.generate import mint
from store.database import Transaction
from store.tables import Budget, Campaign, CampaignVersion


class NewCampaign(BaseModel):
    """A campaign to create, with `vouchers_count` codes. It is a draft unless `active`."""

    name: str
    description: str | None
    category: str | None = None
    type: CampaignType
    join_once: bool
    active: bool = True
    start_date: datetime | None
    expiration_date: datetime | None
    landing_url: str | None = None
    share_text: str | None = None
    vouchers_count: int
    metadata: dict[str, Any]
    terms: CampaignTerms


async def create(tx: Transaction, new: NewCampaign) -> str:
    """Create a campaign with version 1 of its terms; return its id.

    Raises AlreadyExists for a name that is taken."""
    campaign = Campaign(
        id=new_id(Prefix.CAMPAIGN),
        version=1,
        opened_at=tx.now if new.active else None,
        attributes=new.metadata,
        created_at=tx.now,
        **new.model_dump(exclude={"terms", "metadata", "vouchers_count"}),
    )
    await _insert_unless_named(tx, campaign)
    tx.session.add(
        CampaignVersion(
            campaign_id=campaign.id,
            version=1,
            terms=new.terms.model_dump(mode="json"),
            created_at=tx.now,
        )
    )
    _open_budgets(tx, campaign.id, new.terms)
    await tx.session.flush()
    await mint(tx, campaign.id, new.terms.code_config, new.vouchers_count)
    tx.record("campaign.created", "Campaign created", campaign_id=campaign.id, data={"version": 1})
    for rule in new.terms.rules:
        await note(tx, rule.id, campaign.id)
    return campaign.id


async def _insert_unless_named(tx: Transaction, campaign: Campaign) -> None:
    inserted = await tx.session.execute(
        insert(Campaign)
        .values(**campaign.model_dump())
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(col(Campaign.id))
    )
    if inserted.scalar() is None:
        raise AlreadyExists("A campaign with this name exists.", field="/name")


def _open_budgets(tx: Transaction, campaign_id: str, terms: CampaignTerms) -> None:
    """One counter for the budget, or an unlimited one per currency that can be granted."""
    budget = terms.limits.budget
    if budget:
        ceilings: dict[str, int | None] = {budget.currency: budget.amount}
        if budget.amount:
            tx.post(ledger.fund(campaign_id, 1, budget))
    else:
        ceilings = {reward.face.currency: None for reward in terms.rewards() if reward.face}
    tx.session.add_all(
        Budget(campaign_id=campaign_id, currency=currency, ceiling=ceiling)
        for currency, ceiling in ceilings.items()
    )
