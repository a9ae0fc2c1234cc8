"""Undoes one grant, in whole or in part, with its ledger postings.

Each function runs with the grant and its order locked. What only the provider can answer stays due:
the workflow asks, and comes back."""

from __future__ import annotations

from domain import ledger
from domain.grants import GrantStatus
from domain.messages import Next
from domain.money import words
from domain.orders import OrderState
from domain.reversal import GIFT_CARD, GrantToUndo, Means, means
from store.codes import coupons
from store.database import Transaction
from store.grants import receivables, wallets
from store.grants.postings import give_up
from store.grants.products import products_of
from store.grants.state import set_status
from store.ledger.budget_changes import BudgetChanges
from store.tables import Grant, Order


def value(grant: Grant) -> int:
    """The grant's whole value, before anything was undone or netted."""
    gone = grant.status in (GrantStatus.CANCELLED, GrantStatus.FAILED)
    kept = 0 if gone else grant.amount
    return kept + grant.netted + grant.reversed_amount - grant.receivable_amount


def pending(grant: Grant) -> int:
    """How much of it is still to be undone."""
    return grant.reversal_due - grant.reversed_amount


async def undo(
    tx: Transaction,
    grant: Grant,
    order: Order | None,
    changes: BudgetChanges,
    *,
    keeps: bool = False,
    whole_or_owed: bool = False,
) -> Next | None:
    """Undo what is due of a grant.

    Returns what is left to do: TAKE_BACK a card at its provider, or ORDER or FOLLOW until it is
    known whether there is one. `keeps`: the provider does not take the card back. `whole_or_owed`:
    a wallet is debited completely, or not at all."""
    due = pending(grant)
    if due <= 0:
        return None
    kept = _kept_value(grant)
    how = means(await _to_undo(tx, grant, order), whole=due >= kept)
    if how is Means.WAIT:
        return Next.FOLLOW if order and order.provider_order_id else Next.ORDER
    if how is Means.TAKE_BACK and not keeps:
        return Next.TAKE_BACK
    match how:
        case Means.CANCEL:
            await cancel_unordered(tx, grant, changes)
        case Means.SHRINK:
            _shrink(tx, grant, due, changes)
        case Means.DEBIT:
            await _debit(tx, grant, min(due, kept), changes, whole=whole_or_owed)
        case Means.OWE | Means.TAKE_BACK:
            await _owe(tx, grant, min(due, kept), order)
        case Means.DISABLE if await coupons.disable(tx, grant):
            set_status(tx, grant, GrantStatus.CANCELLED)
            _record(tx, grant, "grant.disabled", "Unused coupon disabled by a reversal", None)
    if due > kept:
        await _bring_back_debt(tx, grant, min(due - kept, grant.netted))
    grant.reversed_amount = grant.reversal_due
    return None


async def _to_undo(tx: Transaction, grant: Grant, order: Order | None) -> GrantToUndo:
    state = OrderState(order.state) if order else None
    product = (await products_of(tx, [grant])).get(grant.id)
    fixed = grant.sold_in_one_value or bool(product and product.fixed)
    return GrantToUndo(grant.kind, GrantStatus(grant.status), state, fixed)


def _kept_value(grant: Grant) -> int:
    """What the person has or will have of it, and does not owe yet."""
    gone = grant.status in (GrantStatus.CANCELLED, GrantStatus.FAILED)
    return 0 if gone else grant.amount - grant.receivable_amount


async def cancel_unordered(tx: Transaction, grant: Grant, changes: BudgetChanges) -> None:
    """Cancel a grant that was not given: its budget is free again, and nothing is owed for it."""
    if face := give_up(tx, grant):
        changes.reserve(-face)
    await receivables.forgive(tx, grant)
    set_status(tx, grant, GrantStatus.CANCELLED)
    _record(tx, grant, "grant.cancelled", "Cancelled by a reversal", None)


def _shrink(tx: Transaction, grant: Grant, off: int, changes: BudgetChanges) -> None:
    name, given = grant.part_subject, grant.posting_subject
    if face := grant.money(off):
        tx.post(ledger.release(grant.campaign_id, name, face, corrects=f"reserve/{given}"))
        changes.reserve(-face)
    else:
        tx.post(ledger.retract(grant.campaign_id, name, off, corrects=f"promise/{given}"))
    grant.resize(grant.amount - off)
    detail = f"by {_said(grant, off)}, to {_said(grant, grant.amount)}"
    _record(tx, grant, "grant.shrunk", "Made smaller by a refund", detail)


async def _debit(
    tx: Transaction, grant: Grant, due: int, changes: BudgetChanges, *, whole: bool
) -> None:
    """Take it out of the wallet; what is missing there is owed."""
    unit = grant.unit or ""
    taken = await wallets.take(tx, grant.recipient_id, unit, due, first=grant.id, whole=whole)
    if taken < due:
        await _owe(tx, grant, due - taken, None)
    if taken:
        _book_debit(tx, grant, taken, unit, changes)


def _book_debit(
    tx: Transaction, grant: Grant, taken: int, unit: str, changes: BudgetChanges
) -> None:
    name, given = grant.part_subject, grant.posting_subject
    tx.post(ledger.debit_wallet(grant.recipient_id, name, taken, unit, corrects=f"credit/{given}"))
    if face := grant.money(taken):
        tx.post(ledger.undo(grant.campaign_id, name, face, corrects=f"spend/{given}"))
        changes.commit(-face)
    else:
        tx.post(ledger.unfulfil(grant.campaign_id, name, taken, corrects=f"fulfil/{given}"))
    if taken == grant.amount:
        set_status(tx, grant, GrantStatus.CANCELLED)
    else:
        grant.resize(grant.amount - taken)
    _record(tx, grant, "grant.debited", "Taken back from the wallet", _said(grant, taken))


async def _owe(tx: Transaction, grant: Grant, amount: int, order: Order | None) -> None:
    unit, given = grant.unit or "", order.id if order else grant.posting_subject
    corrects = f"{'reserve' if order is None and grant.kind == GIFT_CARD else 'spend'}/{given}"
    tx.post(ledger.owe(grant.recipient_id, grant.part_subject, amount, unit, corrects=corrects))
    await receivables.change(tx, grant.recipient_id, unit, amount)
    grant.receivable_amount += amount
    detail = f"{_said(grant, amount)}, to be kept back from the next reward"
    _record(tx, grant, "grant.owed_back", "The reward stands; the person owes its share", detail)


async def _bring_back_debt(tx: Transaction, grant: Grant, back: int) -> None:
    """Restore the debt that the undone grant had paid off."""
    if not back:
        return
    unit, given = grant.unit or "", grant.posting_subject
    name = grant.part_subject
    tx.post(ledger.unnet(grant.recipient_id, name, back, unit, corrects=f"net/{given}"))
    await receivables.change(tx, grant.recipient_id, unit, back)
    grant.netted -= back
    _record(
        tx, grant, "grant.debt_back", "The debt that it had paid off is back", _said(grant, back)
    )


def _said(grant: Grant, amount: int) -> str:
    return words(amount, grant.unit)


def _record(tx: Transaction, grant: Grant, type: str, title: str, detail: str | None) -> None:
    grant.updated_at = tx.now
    tx.record(type, title, detail=detail, **grant.event_ids)
