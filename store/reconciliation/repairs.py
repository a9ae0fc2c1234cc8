"""Records a repair: who asked for it, what it books, how it ended.

An item is repaired once. The request, with the person's words, is recorded before anything is done;
the result is recorded in the transaction that does it."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain import corrections
from domain.ids import Prefix, new_id
from domain.money import Money
from domain.orders import ENDED, OrderSnapshot, OrderState
from domain.reconciliation import (
    DIFFERENCES,
    OF_GRANT,
    Explanation,
    Filed,
    Repair,
    Standing,
    explain,
)
from domain.refusals import NotAllowedInState, NotFound, existing
from store.database import Database, Transaction
from store.tables import Incident, LedgerEntry, Order, Reconciliation, ReconciliationItem


class Difference(NamedTuple):
    """An item under repair, its run's provider, and our order if there is one."""

    item: ReconciliationItem
    provider: str
    order: Order | None

    @property
    def theirs(self) -> Standing:
        return Standing.model_validate(self.item.theirs)

    @property
    def ours(self) -> Standing:
        return Standing.model_validate(self.item.ours)

    @property
    def noted(self) -> Standing:
        """What an incident stores to recognise the difference later: the line, or our grant."""
        if explanation_of(self.item) not in OF_GRANT:
            return self.theirs
        ours = self.ours
        return Standing(
            state=f"grant {ours.grant}", face=ours.promised, currency=ours.promised_currency
        )

    @property
    def repair(self) -> Repair:
        return explanation_of(self.item).repair


def explanation_of(item: ReconciliationItem) -> Explanation:
    """Why it differs, and what repairs it."""
    books = (Standing.model_validate(book) for book in (item.ours, item.ledger, item.theirs))
    return explain(Filed(item.filed), *books)


async def ask(
    tx: Transaction, reconciliation_id: str, item_id: str, *, actor: str, reason: str
) -> Difference:
    """Record a person's request. A repeat gets the same answer. Raises NotFound, and
    NotAllowedInState for an item that is not a difference."""
    item = await tx.session.get(ReconciliationItem, item_id, with_for_update=True)
    if item is None or item.reconciliation_id != reconciliation_id:
        raise NotFound("reconciliation item", item_id)
    run = await tx.session.get_one(Reconciliation, reconciliation_id)
    if item.filed not in DIFFERENCES:
        raise NotAllowedInState("What is in flight needs no repair: the next run sees it again.")
    if item.status == "open":
        item.status, item.repaired_by, item.reason = "repairing", actor, reason
        item.outcome = None
        tx.record(
            "reconciliation.repair_asked",
            f"Repair asked for by staff: {explanation_of(item).repair.replace('_', ' ')}",
            detail=reason,
            source="staff",
            actor=actor,
            **_about(item),
        )
    return Difference(item, run.provider, None)


async def find(database: Database, item_id: str) -> Difference:
    """An item with all that its repair needs. Raises NotFound."""
    async with database.reading() as session:
        item = existing(
            await session.get(ReconciliationItem, item_id), "reconciliation item", item_id
        )
        run = await session.get_one(Reconciliation, item.reconciliation_id)
        order = await session.get(Order, item.order_id) if item.order_id else None
        return Difference(item, run.provider, order)


async def adjust(
    tx: Transaction, difference: Difference, snapshot: OrderSnapshot | None
) -> str | None:
    """Correct the order's ledger entries to what the provider says now (None: there is no such
    order). Returns what was booked, in words."""
    await tx.session.flush()
    await tx.write_facts()
    order = await _order(tx, difference)
    if snapshot and order.state != OrderState.ISSUED:
        return None
    face, charged = _charge_of(order, snapshot)
    posting = corrections.correct(
        order.provider,
        order.id,
        difference.item.id,
        await _booked(tx, order),
        face=face,
        charged=charged,
    )
    if charged:
        order.charged_amount, order.charged_currency = charged.amount, charged.currency
    if posting is None:
        return None
    tx.post(posting)
    return f"the ledger's entries of {order.id} corrected"


def _charge_of(order: Order, snapshot: OrderSnapshot | None) -> tuple[Money | None, Money | None]:
    if snapshot is None:
        return None, None
    ours = Money(amount=order.face_amount, currency=order.currency)
    face = snapshot.face or ours
    return face, snapshot.charged or face


async def _order(tx: Transaction, difference: Difference) -> Order:
    return await tx.session.get_one(
        Order, str(difference.item.order_id), with_for_update=True, populate_existing=True
    )


async def _booked(tx: Transaction, order: Order) -> corrections.Booked:
    statement = (
        select(col(LedgerEntry.account), col(LedgerEntry.currency), func.sum(LedgerEntry.amount))
        .where(
            col(LedgerEntry.subject) == order.id,
            col(LedgerEntry.account).startswith(f"provider/{order.provider}/"),
        )
        .group_by(col(LedgerEntry.account), col(LedgerEntry.currency))
    )
    rows = await tx.session.execute(statement)
    return {(account, currency): int(amount) for account, currency, amount in rows}


async def open_incident(
    tx: Transaction, difference: Difference, *, book: bool, found: OrderSnapshot | None = None
) -> str:
    """Record a line of the provider, a grant, or an order `found` beside the provider's list, that
    we cannot reconcile.

    `book`: the charge belongs to no order of ours, so it goes to the provider's `unexplained`
    account."""
    item, theirs = difference.item, difference.noted
    named = item.provider_order_id or str(item.key)
    if found:
        named, theirs = found.provider_order_id, _as_standing(found)
    incident = Incident(
        id=new_id(Prefix.INCIDENT),
        provider=difference.provider,
        provider_order_id=named,
        key=item.key,
        order_id=item.order_id,
        item_id=item.id,
        filed=item.filed,
        state=str(theirs.state),
        face=theirs.face,
        charged=theirs.charged,
        currency=theirs.currency,
        opened_by=item.repaired_by,
        reason=item.reason,
        opened_at=tx.now,
    )
    tx.session.add(incident)
    if book and (charged := _charged(theirs)):
        tx.post(corrections.unexplained(difference.provider, incident.id, charged))
    tx.record(
        "reconciliation.incident",
        f"Incident: {item.filed.replace('_', ' ')} at {difference.provider}",
        detail=f"order {incident.provider_order_id}: {incident.state}, {incident.face}"
        f" {incident.currency} (minor units)",
        **_about(item, incident_id=incident.id),
    )
    return f"incident {incident.id} opened"


def _as_standing(found: OrderSnapshot) -> Standing:
    face, charged = found.face, found.charged
    return Standing(
        state=found.state,
        face=face.amount if face else None,
        currency=face.currency if face else None,
        charged=charged.amount if charged else None,
        charged_currency=charged.currency if charged else None,
    )


def _charged(theirs: Standing) -> Money | None:
    """What the line took from the deposit; its face value if it does not say. Nothing for an order
    that the provider ended."""
    if theirs.state in ENDED:
        return None
    if theirs.charged is not None and theirs.charged_currency:
        return Money(amount=theirs.charged, currency=theirs.charged_currency)
    if theirs.face is not None and theirs.currency:
        return Money(amount=theirs.face, currency=theirs.currency)
    return None


async def settle(tx: Transaction, difference: Difference, outcome: str) -> str:
    """The repair is done; `outcome` says what it did."""
    item = await tx.session.get_one(ReconciliationItem, difference.item.id, with_for_update=True)
    item.status, item.outcome, item.repaired_at = "repaired", outcome, tx.now
    tx.record(
        "reconciliation.repaired",
        f"Difference repaired: {item.filed.replace('_', ' ')}",
        detail=outcome,
        source="staff",
        actor=item.repaired_by,
        **_about(item),
    )
    return outcome


async def reopen(tx: Transaction, item_id: str, detail: str) -> str:
    """The repair could not be done now; it can be requested again."""
    item = await tx.session.get_one(ReconciliationItem, item_id, with_for_update=True)
    if item.status == "repairing":
        item.status, item.outcome = "open", f"not repaired: {detail}"
        tx.record("reconciliation.repair_failed", "Repair not done", detail=detail, **_about(item))
    return item.outcome or ""


def _about(item: ReconciliationItem, **more: str) -> dict[str, Any]:
    return {
        "order_id": item.order_id,
        "grant_id": item.grant_id,
        "data": {"reconciliation_id": item.reconciliation_id, "item_id": item.id} | more,
    }
