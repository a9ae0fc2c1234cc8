"""Reusable rewards, and how often each was given."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.grants import GrantStatus
from domain.refusals import existing
from store.database import ReadSession
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import Grant, RewardDefinition
from store.tables.columns import documents


class RewardRead(NamedTuple):
    """A definition, and the number of its delivered grants."""

    row: RewardDefinition
    redeemed: int


async def find(session: ReadSession, reward_id: str) -> RewardRead:
    """Raises NotFound."""
    statement = _rewards().where(col(RewardDefinition.id) == reward_id)
    row = existing((await session.execute(statement)).one_or_none(), "reward", reward_id)
    return _read(row)


async def page(session: ReadSession, window: Window) -> tuple[list[RewardRead], Page]:
    """Definitions, newest first."""
    found = await read_page(session, _rewards(), col(RewardDefinition.id), window)
    return [_read(row) for row in found.rows], found


def _rewards() -> AnySelect:
    given = (
        select(func.count())
        .where(
            documents(Grant, "reward")["reward_id"].astext == RewardDefinition.id,
            col(Grant.status) == GrantStatus.DELIVERED,
        )
        .correlate(RewardDefinition)
        .scalar_subquery()
    )
    return select(RewardDefinition, given)


def _read(row: Any) -> RewardRead:
    definition, redeemed = row
    return RewardRead(definition, redeemed)
