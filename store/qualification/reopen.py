"""A milestone that is reached a second time, for a reversal had lowered the count in between."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select, tuple_
from sqlmodel import col

from domain import ledger
from domain.campaigns import CampaignTerms, OnReversal
from domain.grants import GrantStatus
from store.database import Transaction
from store.events.subjects import subject
from store.grants import receivables
from store.grants.value import posting_of, resize, unit_of
from store.reversals.undo_grant import forgive, pending
from store.tables import Grant


class Again(NamedTuple):
    """A milestone's grant as it is, locked, and as it would be made now."""

    grant: Grant
    fresh: Grant


async def told_apart(tx: Transaction, grants: list[Grant]) -> tuple[list[Grant], list[Again]]:
    """What is earned for the first time, and what exists already: a grant's identity never comes
    up twice."""
    statement = (
        select(Grant)
        .where(
            tuple_(
                col(Grant.campaign_id),
                col(Grant.reason),
                col(Grant.recipient_id),
                col(Grant.ordinal),
            ).in_([_identity(grant) for grant in grants])
        )
        .order_by(col(Grant.id))
        .with_for_update()
    )
    existing = {_identity(grant): grant for grant in await tx.session.scalars(statement)}
    first = [grant for grant in grants if _identity(grant) not in existing]
    again = [
        Again(existing[_identity(grant)], grant) for grant in grants if _identity(grant) in existing
    ]
    return first, again


async def regain(tx: Transaction, terms: CampaignTerms, again: list[Again]) -> list[Grant]:
    """Give back what a reversal had undone, where the terms say so; answers the grants that have
    to be fulfilled anew. What staff or a review had withdrawn stays so."""
    undo = {tier.id for tier in terms.tiers if tier.on_reversal is OnReversal.UNDO}
    reopened = []
    for grant, fresh in again:
        if grant.reason not in undo or grant.reversed_by is None:
            continue
        if grant.status == GrantStatus.CANCELLED and pending(grant) <= 0:
            _reopen(tx, grant, fresh)
            reopened.append(grant)
        else:
            await _let_stand(tx, grant)
    return reopened


def _reopen(tx: Transaction, grant: Grant, fresh: Grant) -> None:
    """The same grant, owed anew and carried by the referral that reached the milestone again. Its
    next order is a new generation: the last one's cancellation is recorded."""
    resize(grant, grant.reversed_amount or grant.amount)
    grant.referral_id, grant.workflow_id = fresh.referral_id, fresh.workflow_id
    grant.status, grant.due_at, grant.updated_at = fresh.status, fresh.due_at, tx.now
    grant.reopened += 1
    _clear(grant)


async def _let_stand(tx: Transaction, grant: Grant) -> None:
    """The reward was not taken back, or not yet: it stands, and is owed for no more."""
    restored = max(0, grant.reversed_amount - grant.receivable_amount)
    await forgive(tx, grant)
    if restored:
        unit, name = unit_of(grant) or "", f"{posting_of(grant)}/{grant.reversed_by}"
        tx.post(ledger.net(grant.recipient_id, name, restored, unit))
        await receivables.change(tx, grant.recipient_id, unit, -restored)
        grant.netted += restored
    _clear(grant)
    tx.record("grant.regained", "Reached again: the reward stands", **subject(grant))


def _clear(grant: Grant) -> None:
    grant.reversal_due = grant.reversed_amount = grant.receivable_amount = 0
    grant.reversed_by = None


def _identity(grant: Grant) -> tuple[str, str, str, int]:
    return (grant.campaign_id, grant.reason, grant.recipient_id, grant.ordinal)
