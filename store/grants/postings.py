"""A grant's ledger postings, from its creation to its delivery: money in a campaign's budget,
points beside it. Coupons and callouts have no value there."""

from __future__ import annotations

from domain import ledger
from domain.money import Money
from store.database import Transaction
from store.tables import Grant


def promise(tx: Transaction, grant: Grant) -> None:
    """The grant is owed from now on. The caller reserves the budget."""
    name = grant.posting_subject
    if face := grant.money(grant.amount):
        tx.post(ledger.reserve(grant.campaign_id, name, face))
    elif grant.unit:
        tx.post(ledger.promise(grant.campaign_id, name, grant.amount))


def give_up(tx: Transaction, grant: Grant) -> Money | None:
    """The grant is no longer owed, and was not given. Returns what the budget gets back."""
    name, face = grant.posting_subject, grant.money(grant.amount)
    if face:
        tx.post(ledger.release(grant.campaign_id, name, face))
    elif grant.unit:
        points = grant.amount
        tx.post(ledger.retract(grant.campaign_id, name, points, corrects=f"promise/{name}"))
    return face


def fulfil(tx: Transaction, grant: Grant) -> Money | None:
    """The grant was given without an order. Returns what moves to the budget's committed part."""
    name, face = grant.posting_subject, grant.money(grant.amount)
    if face:
        tx.post(ledger.commit(grant.campaign_id, name, face))
        tx.post(ledger.spend(grant.campaign_id, name, face))
    elif grant.unit:
        tx.post(ledger.fulfil(grant.campaign_id, name, grant.amount))
    return face
