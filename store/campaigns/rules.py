"""Validation rules and their assignments.

An assigned rule is part of its campaign's terms: each change creates a new version of them, and
existing referrals keep theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.ids import Prefix, new_id
from domain.refusals import AlreadyExists, InvalidPayload, NotAllowedInState, NotFound, existing
from domain.rules.rule import Group, Rule, Said
from store.campaigns.revise import lock, revise
from store.database import Transaction
from store.eligibility import segments
from store.tables import RuleAssignment, ValidationRule
from store.terms import terms_of


async def create(
    tx: Transaction,
    *,
    name: str | None,
    rules: Group,
    error: Said | None,
    type: str,
    context_type: str,
) -> str:
    """Create a rule; return its id. Raises NotFound for a segment that does not exist."""
    rule = ValidationRule(
        id=new_id(Prefix.RULE),
        name=name,
        rules=rules.model_dump(mode="json"),
        error=error.model_dump(exclude_none=True) if error else None,
        type=type,
        context_type=context_type,
        created_at=tx.now,
    )
    await segments.must_exist(tx, rule_of(rule).segments(), "/rules")
    tx.session.add(rule)
    tx.record("validation_rules.created", "Validation rule created", data={"rule_id": rule.id})
    return rule.id


async def change(tx: Transaction, rule_id: str, actor: str, **given: Any) -> None:
    """Replace what is given. Campaigns with the rule get a new version."""
    rule = await _locked(tx, rule_id)
    for column, value in given.items():
        if value is not None:
            documents = isinstance(value, (Group, Said))
            stored = value.model_dump(mode="json", exclude_none=True) if documents else value
            setattr(rule, column, stored)
    rule.updated_at = tx.now
    changed = rule_of(rule)
    await segments.must_exist(tx, changed.segments(), "/rules")
    for campaign_id in await _campaigns_with(tx, rule_id):
        await _lay(tx, campaign_id, changed, actor)
    tx.record("validation_rules.updated", "Validation rule changed", data={"rule_id": rule_id})


async def remove(tx: Transaction, rule_id: str) -> None:
    """Raises NotFound, or NotAllowedInState while it is assigned."""
    rule = await _locked(tx, rule_id)
    if await _campaigns_with(tx, rule_id):
        raise NotAllowedInState("The rule is assigned to a campaign; delete the assignment first.")
    await tx.session.delete(rule)
    tx.record("validation_rules.deleted", "Validation rule deleted", data={"rule_id": rule_id})


async def assign(tx: Transaction, rule_id: str, ref: str, actor: str) -> str:
    """Make the rule part of the campaign's terms; return the assignment's id.

    Raises NotFound, AlreadyExists, or InvalidPayload for a rule that this campaign never evaluates.
    """
    rule = await _locked(tx, rule_id)
    campaign = await lock(tx, ref)
    if campaign.id in await _campaigns_with(tx, rule_id):
        raise AlreadyExists("The rule is assigned to this campaign.", field="/related_object_id")
    await _lay(tx, campaign.id, rule_of(rule), actor)
    return await note(tx, rule_id, campaign.id)


async def note(tx: Transaction, rule_id: str, campaign_id: str) -> str:
    """Record that the campaign's current terms contain the rule."""
    assignment_id = new_id(Prefix.ASSIGNMENT)
    tx.session.add(
        RuleAssignment(
            id=assignment_id, rule_id=rule_id, campaign_id=campaign_id, created_at=tx.now
        )
    )
    await tx.session.flush()
    tx.record(
        "validation_rules.assignment.created",
        "Validation rule assigned to a campaign",
        campaign_id=campaign_id,
        data={"rule_id": rule_id},
    )
    return assignment_id


async def unassign(tx: Transaction, rule_id: str, assignment_id: str, actor: str) -> None:
    """Remove the rule from the campaign's terms. Raises NotFound."""
    await _locked(tx, rule_id)
    gone = await tx.session.execute(
        delete(RuleAssignment)
        .where(col(RuleAssignment.id) == assignment_id, col(RuleAssignment.rule_id) == rule_id)
        .returning(col(RuleAssignment.campaign_id))
    )
    campaign_id = existing(gone.scalar(), "assignment", assignment_id)
    await _amend(tx, campaign_id, actor, lambda rules: _without(rules, rule_id))
    tx.record(
        "validation_rules.assignment.deleted",
        "Validation rule taken from a campaign",
        campaign_id=campaign_id,
        data={"rule_id": rule_id},
    )


async def named(tx: Transaction, rule_ids: list[str], field: str) -> tuple[Rule, ...]:
    """The rules as they are now, for a new campaign's terms. Raises NotFound."""
    found = await tx.session.scalars(
        select(ValidationRule).where(col(ValidationRule.id).in_(rule_ids)).with_for_update()
    )
    by_id = {rule.id: rule_of(rule) for rule in found}
    for missing in (id for id in rule_ids if id not in by_id):
        raise NotFound("validation rule", missing, field=field)
    return tuple(by_id[id] for id in dict.fromkeys(rule_ids))


def rule_of(row: ValidationRule) -> Rule:
    """The rule, parsed."""
    return Rule.model_validate(row.model_dump(include={"id", "name", "rules", "error"}))


async def _lay(tx: Transaction, campaign_id: str, rule: Rule, actor: str) -> None:
    await _amend(tx, campaign_id, actor, lambda rules: [*_without(rules, rule.id), rule])


def _without(rules: Iterable[Rule], rule_id: str) -> list[Rule]:
    return [rule for rule in rules if rule.id != rule_id]


async def _amend(
    tx: Transaction,
    ref: str,
    actor: str,
    change: Callable[[Iterable[Rule]], list[Rule]],
) -> None:
    """Change the rules of a campaign's current terms."""
    campaign = await lock(tx, ref)
    before = await terms_of(tx, campaign.id, campaign.version)
    try:
        after = CampaignTerms(**dict(before) | {"rules": tuple(change(before.rules))})
    except ValidationError as error:
        message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise InvalidPayload(message, field="/related_object_id") from None
    await revise(tx, campaign, before, after, {}, actor=actor)


async def _locked(tx: Transaction, rule_id: str) -> ValidationRule:
    statement = select(ValidationRule).where(col(ValidationRule.id) == rule_id).with_for_update()
    return existing((await tx.session.scalars(statement)).one_or_none(), "validation rule", rule_id)


async def _campaigns_with(tx: Transaction, rule_id: str) -> list[str]:
    statement = select(col(RuleAssignment.campaign_id)).where(
        col(RuleAssignment.rule_id) == rule_id
    )
    return sorted(await tx.session.scalars(statement))
