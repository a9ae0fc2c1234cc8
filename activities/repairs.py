"""Repairs differences that a reconciliation found.

What the provider says now decides, and every repair is recorded with the person who asked for it.
Idempotent: a repaired item returns its outcome, and all changes of a repair are committed together
with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.lane import ProviderLane
from activities.pulse import pulse
from domain.money import Money
from domain.orders import ENDED, DeliveryState, OrderSnapshot, OrderState, forward_state
from domain.reconciliation import Filed, Repair
from providers.outcomes import ProviderError
from store.database import Transaction, now
from store.orders.delivery import record_snapshot
from store.reconciliation import repairs
from store.reconciliation.rebind import rebind
from store.reconciliation.repairs import Difference
from store.tables import Grant, Order

_ABSENT = "absent"


@dataclass(frozen=True)
class RepairActivities:
    """Repairs at one provider."""

    lane: ProviderLane

    @activity.defn
    async def repair(self, item_id: str) -> str:
        """Repair the item; return what was done."""
        async with pulse():
            difference = await repairs.find(self.lane.database, item_id)
            if difference.item.status == "repaired":
                return difference.item.outcome or ""
            try:
                return await self._act(difference)
            except ProviderError as error:
                raise ApplicationError(
                    error.detail,
                    type="TryAgain",
                    next_retry_delay=error.retry_after or timedelta(seconds=2),
                ) from error

    @activity.defn
    async def reopen(self, item_id: str, detail: str) -> str:
        """Open the item again: it could not be repaired now."""
        async with self.lane.database.transaction() as tx:
            return await repairs.reopen(tx, item_id, detail)

    async def _act(self, difference: Difference) -> str:
        match difference.repair:
            case Repair.REREAD_ORDER | Repair.BOOK_CORRECTION:
                return await self._reread(difference)
            case Repair.WRITE_OFF:
                return await self._write_off(difference)
            case _:
                return await self._incident(difference)

    async def _reread(self, difference: Difference) -> str:
        """Record what the provider says now, and correct the ledger accordingly."""
        order = _ours(difference)
        named = order.provider_order_id or str(difference.item.provider_order_id)
        snapshot = await self.lane.provider.get_order(named, order.currency)
        return await self._recorded(difference, order, snapshot)

    async def _recorded(
        self, difference: Difference, order: Order, snapshot: OrderSnapshot, *, listed: bool = True
    ) -> str:
        """`listed`: whether the provider's list shows the order; otherwise a search found it."""
        stands = forward_state(OrderState(order.state), snapshot.state) == order.state
        async with self.lane.database.transaction() as tx:
            await self._record(tx, order, snapshot)
            done = [f"read again: {snapshot.state}"]
            done += filter(None, [await repairs.adjust(tx, difference, snapshot)])
            done += filter(None, [await rebind(tx, difference)])
            if _another_card(difference, order, snapshot):
                # The provider says what the card is; what we promised stays the same.
                done.append(await repairs.open_incident(tx, difference, book=False))
            elif stands and not listed:
                # Nothing has changed, so the next run would find the same difference.
                noted = await repairs.open_incident(tx, difference, book=False, found=snapshot)
                done.append(f"{noted}, for the list does not show it")
            return await repairs.settle(tx, difference, "; ".join(done))

    async def _write_off(self, difference: Difference) -> str:
        """Write the order off. Absence must be certain, so the whole list is searched once more for
        the key."""
        order = _ours(difference)
        found = await self.lane.provider.find_order(
            order.key, order.currency, not_before=order.first_sent_at or now()
        )
        if found:
            return await self._recorded(difference, order, found[0], listed=False)
        async with self.lane.database.transaction() as tx:
            await self._record(tx, order, _gone(order))
            booked = await repairs.adjust(tx, difference, None)
            done = ["not at the provider: recorded as cancelled, the grant needs a person"]
            return await repairs.settle(tx, difference, "; ".join([*done, *filter(None, [booked])]))

    async def _incident(self, difference: Difference) -> str:
        async with self.lane.database.transaction() as tx:
            done = await repairs.open_incident(tx, difference, book=_took_more(difference))
            return await repairs.settle(tx, difference, done)

    async def _record(self, tx: Transaction, order: Order, snapshot: OrderSnapshot) -> None:
        """Update the order as a poll would. The workflow that handles it stays the same."""
        grant = await tx.session.get_one(Grant, order.grant_id)
        await record_snapshot(
            tx,
            order.id,
            snapshot,
            vault=self.lane.vault,
            pace=self.lane.pace,
            signals_delivery=self.lane.provider.capabilities.signals_delivery,
            carrier=grant.workflow_id,
        )


def _ours(difference: Difference) -> Order:
    if difference.order is None:
        raise ApplicationError("the item has no order of ours", non_retryable=True)
    return difference.order


def _took_more(difference: Difference) -> bool:
    """Whether the provider has charged for a card that is not booked: an unknown order, a second
    card, or one that came back. For our other orders the charge is booked already."""
    if difference.item.filed in (Filed.UNKNOWN_TO_US, Filed.DUPLICATE_KEY):
        return True
    came_back = difference.ours.state in ENDED and difference.theirs.state == OrderState.ISSUED
    return difference.item.filed == Filed.STATE_MISMATCH and came_back


def _another_card(difference: Difference, order: Order, snapshot: OrderSnapshot) -> bool:
    """Whether the provider issued another face value than was ordered."""
    differs = snapshot.face is not None and snapshot.face != _face(order)
    return difference.item.filed == Filed.AMOUNT_MISMATCH and differs


def _face(order: Order) -> Money:
    return Money(amount=order.face_amount, currency=order.currency)


def _gone(order: Order) -> OrderSnapshot:
    return OrderSnapshot(
        provider_order_id=order.provider_order_id or f"{_ABSENT}-{order.key}",
        key=order.key,
        state=OrderState.CANCELLED,
        delivery=DeliveryState.PENDING,
        raw_status=_ABSENT,
    )
