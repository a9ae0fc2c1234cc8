"""Validation rules: who may use a code, on what order, how often."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.http.access import PROGRAMME, READERS, Calling
from api.http.lists import Dated, Ordered
from api.http.parameters import AssignmentPath, RulePath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.validation_rules.schemas import (
    AssignmentAnswer,
    AssignmentIn,
    AssignmentList,
    RuleAnswer,
    RuleChangeIn,
    RuleIn,
    RuleList,
)
from store.campaigns import rule_queries as reading
from store.campaigns import rules
from store.lists.pages import Window

router = GuardedRouter("/v1", "Validation rules")

_RULES, _ONE = "/validation-rules", "/validation-rules/{rule_id}"
_ASSIGNMENTS = _ONE + "/assignments"


@router.post(_RULES, "resource_not_found", roles=PROGRAMME)
async def create_rule(body: RuleIn, held: Held) -> RuleAnswer:
    """Create a rule. It is judged once it is assigned to a campaign."""
    async with held.database.transaction() as tx:
        rule_id = await rules.create(
            tx,
            name=body.name,
            rules=body.rules,
            error=body.error,
            type=body.type or "expression",
            context_type=body.context_type or "global",
        )
    return await _answer(held, rule_id)


@router.get(_RULES, roles=READERS)
async def list_rules(held: Held, window: Dated) -> RuleList:
    """Rules, newest first."""
    found, page = await held.database.read(reading.page, window)
    return RuleList.of([RuleAnswer.of(read) for read in found], page)


@router.get(_ONE, "resource_not_found", roles=READERS)
async def get_rule(rule_id: RulePath, held: Held) -> RuleAnswer:
    """One rule."""
    return await _answer(held, rule_id)


@router.put(_ONE, "resource_not_found", roles=PROGRAMME)
async def change_rule(
    rule_id: RulePath, body: RuleChangeIn, caller: Calling, held: Held
) -> RuleAnswer:
    """Change a rule, and the current terms of the campaigns it is assigned to."""
    given = body.model_dump(include={"name", "type", "context_type"})
    async with held.database.transaction() as tx:
        await rules.change(tx, rule_id, caller.actor, rules=body.rules, error=body.error, **given)
    return await _answer(held, rule_id)


@router.delete(_ONE, "resource_not_found", "not_allowed_in_state", roles=PROGRAMME, status_code=204)
async def delete_rule(rule_id: RulePath, held: Held) -> None:
    """Delete a rule that is assigned to no campaign. Versions that have it keep it."""
    async with held.database.transaction() as tx:
        await rules.remove(tx, rule_id)


@router.post(_ASSIGNMENTS, "resource_not_found", "duplicate_found", roles=PROGRAMME)
async def assign_rule(
    rule_id: RulePath, body: AssignmentIn, caller: Calling, held: Held
) -> AssignmentAnswer:
    """Make a rule part of a campaign's terms: its next version has it."""
    async with held.database.transaction() as tx:
        made = await rules.assign(tx, rule_id, body.related_object_id, caller.actor)
    return AssignmentAnswer.model_validate(await held.database.read(reading.assignment, made))


@router.get(_ASSIGNMENTS, "invalid_payload", "resource_not_found", roles=READERS)
async def list_rule_assignments(rule_id: RulePath, held: Held, window: Ordered) -> AssignmentList:
    """The campaigns that have a rule, newest assignment first."""
    return await _assignments(held, window, rule_id)


@router.delete(
    _ASSIGNMENTS + "/{assignment_id}", "resource_not_found", roles=PROGRAMME, status_code=204
)
async def unassign_rule(
    rule_id: RulePath, assignment_id: AssignmentPath, caller: Calling, held: Held
) -> None:
    """Take a rule out of a campaign's terms: its next version is without it."""
    async with held.database.transaction() as tx:
        await rules.unassign(tx, rule_id, assignment_id, caller.actor)


@router.get("/validation-rules-assignments", "invalid_payload", "resource_not_found", roles=READERS)
async def list_assignments(
    held: Held,
    window: Ordered,
    related_object_id: Annotated[
        str | None, Query(max_length=64, description="A campaign's id.")
    ] = None,
    rule: Annotated[str | None, Query(max_length=64, description="A rule's id.")] = None,
) -> AssignmentList:
    """Every assignment, newest first."""
    return await _assignments(held, window, rule, related_object_id)


async def _answer(held: Held, rule_id: str) -> RuleAnswer:
    return RuleAnswer.of(await held.database.read(reading.find, rule_id))


async def _assignments(
    held: Held, window: Window, rule_id: str | None, campaign_id: str | None = None
) -> AssignmentList:
    found, page = await held.database.read(reading.assignments, window, rule_id, campaign_id)
    return AssignmentList.of(found, page)
