"""Reusable rewards, which campaigns copy."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from sqlalchemy import and_, or_, select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.refusals import NotAllowedInState, existing
from domain.rewards import Reward, reward_of
from store.database import Transaction
from store.tables import Campaign, CampaignVersion, RewardDefinition
from store.tables.columns import documents


class NewReward(BaseModel):
    """A reward to create, or the new content of an existing one."""

    name: str
    reward: Reward
    description: str | None = None
    image_url: str | None = None
    attributes: dict[str, Any] = {}


async def create(tx: Transaction, new: NewReward, *, actor: str) -> str:
    """Store a definition; return its id."""
    row = RewardDefinition(id=new_id(Prefix.REWARD), created_at=tx.now, **_columns(new))
    tx.session.add(row)
    _record(tx, "created", row, actor)
    return row.id


async def update(tx: Transaction, reward_id: str, new: NewReward, *, actor: str) -> None:
    """Change a definition. Campaigns keep the copies that they have."""
    row = await lock(tx, reward_id)
    row.sqlmodel_update(_columns(new))
    row.updated_at = tx.now
    _record(tx, "updated", row, actor)


async def delete(tx: Transaction, reward_id: str, *, actor: str) -> None:
    """Delete a definition. Raises NotAllowedInState while a live campaign uses it."""
    row = await lock(tx, reward_id)
    users = await _live_users(tx, reward_id)
    if users:
        raise NotAllowedInState(
            f"The reward is given by live campaigns: {', '.join(users)}.", campaigns=users
        )
    await tx.session.delete(row)
    _record(tx, "deleted", row, actor)


async def lock(tx: Transaction, reward_id: str) -> RewardDefinition:
    """The row, until the transaction ends. Raises NotFound."""
    statement = (
        select(RewardDefinition).where(col(RewardDefinition.id) == reward_id).with_for_update()
    )
    return existing((await tx.session.scalars(statement)).one_or_none(), "reward", reward_id)


async def definitions(tx: Transaction, reward_ids: set[str]) -> dict[str, Reward]:
    """Those of these rewards that exist, locked until the transaction ends, so that a campaign
    never begins with a deleted reward."""
    if not reward_ids:
        return {}
    found = await tx.session.scalars(
        select(RewardDefinition)
        .where(col(RewardDefinition.id).in_(reward_ids))
        .order_by(col(RewardDefinition.id))
        .with_for_update(read=True)
    )
    return {row.id: reward_of(row.reward) for row in found}


async def _live_users(tx: Transaction, reward_id: str) -> list[str]:
    # A row's id contains nothing that must be escaped in a path.
    named = documents(CampaignVersion, "terms").path_exists(
        f'$.**.reward_id ? (@ == "{reward_id}")'
    )
    statement = (
        select(col(Campaign.name))
        .join(
            CampaignVersion,
            and_(
                col(CampaignVersion.campaign_id) == Campaign.id,
                col(CampaignVersion.version) == Campaign.version,
            ),
        )
        .where(
            col(Campaign.active),
            or_(col(Campaign.expiration_date).is_(None), col(Campaign.expiration_date) > tx.now),
            named,
        )
        .order_by(col(Campaign.name))
        .limit(20)
    )
    return list(await tx.session.scalars(statement))


def _columns(new: NewReward) -> dict[str, Any]:
    return new.model_dump() | {"reward": new.reward.model_dump(mode="json")}


def _record(tx: Transaction, word: str, row: RewardDefinition, actor: str) -> None:
    tx.record(
        f"reward.{word}",
        f"Reward definition {word}",
        detail=reward_of(row.reward).words,
        source="staff",
        actor=actor,
        data={"reward_id": row.id},
    )
