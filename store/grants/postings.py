"""A grant in the books, from its promise to its delivery: money in a campaign's budget, points
beside it. Coupons and callouts are worth nothing there."""

from __future__ import annotations

from domain import ledger
from domain.money import Money
from store.database import Transaction
from store.grants.value import money, posting_of, unit_of
from store.tables import Grant


def promise(tx: Transaction, grant: Grant) -> None:
    """It is owed from now on. The caller reserves the budget."""
    name = posting_of(grant)
    if face := money(grant, grant.amount):
        tx.post(ledger.reserve(grant.campaign_id, name, face))
    elif unit_of(grant):
        tx.post(ledger.promise(grant.campaign_id, name, grant.amount))


def give_up(tx: Transaction, grant: Grant) -> Money | None:
    """It is not owed any more, and nobody has it. Answers what the budget gets back."""
    name, face = posting_of(grant), money(grant, grant.amount)
    if face:
        tx.post(ledger.release(grant.campaign_id, name, face))
    elif unit_of(grant):
        points = grant.amount
        tx.post(ledger.retract(grant.campaign_id, name, points, corrects=f"promise/{name}"))
    return face


def fulfil(tx: Transaction, grant: Grant) -> Money | None:
    """The person has it, without any order. Answers what moves to the budget's committed part."""
    name, face = posting_of(grant), money(grant, grant.amount)
    if face:
        tx.post(ledger.commit(grant.campaign_id, name, face))
        tx.post(ledger.spend(grant.campaign_id, name, face))
    elif unit_of(grant):
        tx.post(ledger.fulfil(grant.campaign_id, name, grant.amount))
    return face
