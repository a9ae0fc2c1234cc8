"""A card that its provider is asked to cancel."""

from __future__ import annotations

from typing import NamedTuple

from domain.grants import GrantStatus
from domain.messages import Next, Step
from domain.money import Money
from domain.orders import OrderState, RedemptionState
from store.database import Transaction
from store.grants.state import lock_grant, lock_order, lock_referral, refresh_referral, set_status
from store.ledger.budget_changes import BudgetChanges
from store.orders.delivery import post_withdrawal
from store.reversals.undo_grant import pending, undo
from store.tables import Grant, Order

_REVERSED = "Taken back, for what it was given for was reversed."


class Card(NamedTuple):
    """An issued card, as its provider identifies it."""

    order_id: str
    provider_order_id: str


async def card_to_cancel(tx: Transaction, grant_id: str) -> Card | None:
    """The card to cancel; None if there is none (any more)."""
    grant = await lock_grant(tx, grant_id)
    order = await lock_order(tx, grant_id)
    if pending(grant) <= 0 or order is None or order.state != OrderState.ISSUED:
        return None
    return Card(order.id, order.provider_order_id) if order.provider_order_id else None


async def record_taken_back(tx: Transaction, grant_id: str, why: str = _REVERSED) -> Step:
    """The provider has cancelled the card: its value is in our deposit again.

    If a reversal undoes the grant, it is cancelled; else it is ordered anew, for example after an
    address was corrected, or if the milestone was reached again meanwhile."""
    grant = await lock_grant(tx, grant_id)
    order = await lock_order(tx, grant_id)
    referral = await lock_referral(tx, grant.referral_id)
    changes = BudgetChanges(grant.campaign_id)
    if order and order.state == OrderState.ISSUED:
        await _cancel(tx, grant, order, changes, why)
    if pending(grant) > 0:
        await undo(tx, grant, order, changes)
    elif grant.status != GrantStatus.CANCELLED:
        set_status(tx, grant, GrantStatus.ORDERING)
    await refresh_referral(tx, referral)
    await changes.apply(tx)
    return Step(next=Next.ORDER if grant.status == GrantStatus.ORDERING else Next.REST)


async def _cancel(
    tx: Transaction, grant: Grant, order: Order, changes: BudgetChanges, why: str
) -> None:
    face = Money(amount=order.face_amount, currency=order.currency)
    order.state, order.redemption_state = OrderState.CANCELLED, RedemptionState.CANCELLED
    order.updated_at = tx.now
    if await post_withdrawal(tx, order, grant, face):
        changes.commit(-face)
        changes.reserve(face)
    tx.record(
        "order.cancelled",
        "Order cancelled at the provider",
        detail=why,
        source="provider",
        order_id=order.id,
        data={"provider": order.provider, "key": order.key},
        **grant.event_ids,
    )
