"""Validation rules, their assignments, and segments."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.refusals import existing
from store.database import ReadSession
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import RuleAssignment, Segment, ValidationRule


class RuleRead(NamedTuple):
    """A rule, and the number of campaigns that it is assigned to."""

    rule: ValidationRule
    assignments: int


async def find(session: ReadSession, rule_id: str) -> RuleRead:
    """Raises NotFound."""
    row = existing(
        (await session.execute(_rules().where(col(ValidationRule.id) == rule_id))).one_or_none(),
        "validation rule",
        rule_id,
    )
    return RuleRead(*row)


_KEYS = {"updated_at": func.coalesce(ValidationRule.updated_at, ValidationRule.created_at)}


async def page(session: ReadSession, window: Window) -> tuple[list[RuleRead], Page]:
    """Rules, newest first."""
    found = await read_page(session, _rules(), col(ValidationRule.id), window, keys=_KEYS)
    return [RuleRead(*row) for row in found.rows], found


async def assignments(
    session: ReadSession,
    window: Window,
    rule_id: str | None = None,
    campaign_id: str | None = None,
) -> tuple[list[RuleAssignment], Page]:
    """Assignments, of one rule or campaign or all, newest first. Raises NotFound for a rule that
    does not exist."""
    statement: AnySelect = select(RuleAssignment)
    if campaign_id is not None:
        statement = statement.where(col(RuleAssignment.campaign_id) == campaign_id)
    if rule_id is not None:
        await find(session, rule_id)
        statement = statement.where(col(RuleAssignment.rule_id) == rule_id)
    found = await read_page(session, statement, col(RuleAssignment.id), window)
    return [row[0] for row in found.rows], found


async def assignment(session: ReadSession, assignment_id: str) -> RuleAssignment:
    """An assignment that exists."""
    return await session.get_one(RuleAssignment, assignment_id)


async def of_campaigns(
    session: ReadSession, campaign_ids: list[str]
) -> dict[str, list[RuleAssignment]]:
    """The assignments of each of these campaigns, oldest first."""
    found = await session.scalars(
        select(RuleAssignment)
        .where(col(RuleAssignment.campaign_id).in_(campaign_ids))
        .order_by(col(RuleAssignment.id))
    )
    assigned: dict[str, list[RuleAssignment]] = {id: [] for id in campaign_ids}
    for one in found:
        assigned[one.campaign_id].append(one)
    return assigned


async def segment(session: ReadSession, segment_id: str) -> Segment:
    """Raises NotFound."""
    return existing(await session.get(Segment, segment_id), "segment", segment_id)


async def segments(session: ReadSession, window: Window) -> tuple[list[Segment], Page]:
    """Segments, newest first."""
    found = await read_page(session, select(Segment), col(Segment.id), window)
    return [row[0] for row in found.rows], found


def _rules() -> AnySelect:
    assigned = (
        select(func.count())
        .where(col(RuleAssignment.rule_id) == ValidationRule.id)
        .correlate(ValidationRule)
        .scalar_subquery()
    )
    return select(ValidationRule, assigned)
