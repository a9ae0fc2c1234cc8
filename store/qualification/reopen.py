"""Reopens milestones that are earned again after a reversal."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain import ledger
from domain.grants import GrantStatus
from store.database import Transaction
from store.grants import receivables
from store.grants.milestones import Earlier
from store.grants.state import set_status
from store.reversals.undo_grant import pending
from store.tables import Grant, Referral


class Again(NamedTuple):
    """A milestone's existing grant, locked, and the grant as it would be created now."""

    grant: Grant
    fresh: Grant


Own = dict[tuple[str, str, int], tuple[str, bool]]
"""A reinstated referral's own grants, by reason, recipient and ordinal: the grant's id, and whether
it may be given again."""


async def own_before(tx: Transaction, referral: Referral) -> Own:
    """What the referral had earned before it was undone. What staff cancelled individually stays
    cancelled; what was denied in review is decided anew."""
    if not referral.round:
        return {}
    grants = await tx.session.scalars(
        select(Grant).where(
            col(Grant.referral_id) == referral.id, col(Grant.friends_counted).is_(None)
        )
    )
    return {
        (grant.reason, grant.recipient_id, grant.ordinal): (
            grant.id,
            grant.status != GrantStatus.CANCELLED or grant.reversed_by is not None or grant.review,
        )
        for grant in grants
    }


async def split_by_reopened(
    tx: Transaction, grants: list[Grant], earlier: Earlier, own: Own
) -> tuple[list[Grant], list[Again]]:
    """Split into new grants, and grants to reopen: undone milestones, and a reinstated referral's
    own grants."""
    first, reached_again = [], {}
    for grant in grants:
        milestone = grant.friends_counted is not None
        undone = earlier.undone.get((grant.reason, grant.ordinal)) if milestone else None
        if not milestone and (mine := own.get((grant.reason, grant.recipient_id, grant.ordinal))):
            undone, again = mine
            if not again:
                continue
        if undone:
            reached_again[undone] = grant
        else:
            first.append(grant)
    if not reached_again:
        return first, []
    statement = (
        select(Grant)
        .where(col(Grant.id).in_(reached_again))
        .order_by(col(Grant.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    locked = await tx.session.scalars(statement)
    return first, [Again(grant, reached_again[grant.id]) for grant in locked]


async def reopen(tx: Transaction, again: list[Again]) -> list[Grant]:
    """Restore what a reversal had undone; return the grants that must be fulfilled anew. What staff
    or a review had cancelled stays so."""
    reopened = []
    for grant, fresh in again:
        grant.friends_counted = fresh.friends_counted
        if grant.status == GrantStatus.CANCELLED and pending(grant) <= 0:
            _reopen(tx, grant, fresh)
            reopened.append(grant)
        else:
            await _let_stand(tx, grant)
    return reopened


def _reopen(tx: Transaction, grant: Grant, fresh: Grant) -> None:
    """The same grant, owed anew and handled by the referral that reached the milestone again. Its
    next order is a new generation: the last one's cancellation is recorded."""
    amount = grant.reversed_amount or grant.amount
    if grant.kind != fresh.kind:
        # What a refund had left of a card went to the wallet.
        grant.kind, grant.reward = fresh.kind, fresh.reward
    grant.resize(amount)
    grant.referral_id, grant.workflow_id = fresh.referral_id, fresh.workflow_id
    set_status(tx, grant, GrantStatus(fresh.status), due_at=fresh.due_at)
    grant.reopened += 1
    _clear(grant)


async def _let_stand(tx: Transaction, grant: Grant) -> None:
    """The reward was not taken back, or not yet: it stays, and nothing more is owed for it."""
    restored = max(0, grant.reversed_amount - grant.receivable_amount)
    await receivables.forgive(tx, grant)
    if restored:
        unit, name = grant.unit or "", f"{grant.posting_subject}/{grant.reversed_by}"
        tx.post(ledger.net(grant.recipient_id, name, restored, unit))
        await receivables.change(tx, grant.recipient_id, unit, -restored)
        grant.netted += restored
    _clear(grant)
    tx.record("grant.regained", "Reached again: the reward stands", **grant.event_ids)


def _clear(grant: Grant) -> None:
    grant.reversal_due = grant.reversed_amount = grant.receivable_amount = 0
    grant.reversed_by = None
