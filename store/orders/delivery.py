"""Records what a provider says of an order, and its effect on the grant."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain import ledger
from domain.grants import Attention, GrantStatus
from domain.messages import Next, Step
from domain.money import Money
from domain.orders import (
    ENDED,
    DeliveryState,
    OrderSnapshot,
    OrderState,
    RedemptionState,
    forward_delivery,
    forward_redemption,
    forward_state,
    poll_interval,
)
from store.access.vault import Vault
from store.database import Transaction
from store.grants.attention import clear_attention, park
from store.grants.state import lock_referral, refresh_referral, set_status
from store.ledger import budgets
from store.orders import claim_links, double_orders
from store.providers import lanes
from store.tables import Grant, LedgerEntry, Order


class Pace(NamedTuple):
    """The first and the longest interval between looks at an open order, and the silence after
    which staff are told."""

    first: timedelta
    longest: timedelta
    overdue: timedelta


_ARRIVED = frozenset({DeliveryState.DELIVERED, DeliveryState.NOT_APPLICABLE})
_BOUNCED = frozenset({DeliveryState.FAILED_RETRYABLE, DeliveryState.FAILED_PERMANENT})


async def record_snapshot(
    tx: Transaction,
    order_id: str,
    snapshot: OrderSnapshot,
    *,
    vault: Vault,
    pace: Pace,
    signals_delivery: bool,
    carrier: str,
    followed: timedelta | None = None,
) -> Step:
    """Update the order and its grant by what the provider says; return the next step.

    `signals_delivery`: the provider tells when a card arrives; else "issued" has to do.
    `carrier`: the workflow that carries the grant now, which staff's decisions go to.
    `followed`: for so long the caller goes on following an order that is under way."""
    order, grant, others = await _lock(tx, order_id)
    grant.workflow_id = carrier
    before = OrderState(order.state)
    if _is_funded(order, grant, snapshot):
        await lanes.reopen(tx, order.provider)
    _merge(tx, order, grant, snapshot)
    if snapshot.secret:
        await claim_links.keep(tx, order.id, snapshot.secret, vault)
    face = Money(amount=order.face_amount, currency=order.currency)
    issued = before != OrderState.ISSUED and order.state == OrderState.ISSUED
    withdrawn = before == OrderState.ISSUED and order.state in ENDED
    if others and order.state == OrderState.ISSUED:
        if issued:
            _post_second(tx, order, face, snapshot)
        return await double_orders.raise_double(
            tx, grant, order, [*others, snapshot.provider_order_id], _SECOND
        )
    if issued:
        _post_issue(tx, order, grant, face, snapshot.charged)
    committed = withdrawn and await post_withdrawal(tx, order, grant, face)
    arrived = _ARRIVED if signals_delivery else _ARRIVED | {DeliveryState.SENT}
    step = await _consequence(tx, order, grant, pace, arrived, snapshot)
    if followed and step.next is Next.FOLLOW:
        order.followed_until = tx.now + followed
    await tx.session.flush()
    await tx.write_facts()
    if issued:
        await budgets.commit(tx, grant.campaign_id, face)
    if committed:
        await budgets.withdraw(tx, grant.campaign_id, face)
    return step


def _is_funded(order: Order, grant: Grant, snapshot: OrderSnapshot) -> bool:
    """Whether the provider had held this order back for lack of funds, and no longer does."""
    waited = grant.attention == Attention.INSUFFICIENT_FUNDS and order.state == OrderState.PENDING
    return waited and not snapshot.awaits_funds


async def _lock(tx: Transaction, order_id: str) -> tuple[Order, Grant, list[str]]:
    """The order, its grant, and the provider's ids of other issued orders of the same grant."""
    row = (await tx.session.execute(_ORDER, {"order_id": order_id})).one()
    order, grant, others = row
    return order, grant, others or []


_OTHER = aliased(Order)
_ORDER = (
    select(
        Order,
        Grant,
        select(func.array_agg(col(_OTHER.provider_order_id)))
        .where(
            col(_OTHER.grant_id) == Grant.id,
            col(_OTHER.id) != Order.id,
            col(_OTHER.state) == OrderState.ISSUED,
        )
        .scalar_subquery(),
    )
    .select_from(Grant)
    .join(Order, col(Order.grant_id) == Grant.id)
    .where(col(Order.id) == bindparam("order_id"))
    # Both: otherwise the grant would be read as it was before the wait for the order's row.
    .with_for_update(of=(Grant, Order))
)


def _merge(tx: Transaction, order: Order, grant: Grant, snapshot: OrderSnapshot) -> None:
    """Forward only, on each axis; the raw word is always stored."""
    before = (order.state, order.delivery_state, order.raw_status)
    order.provider_order_id = snapshot.provider_order_id
    order.state = forward_state(OrderState(order.state), snapshot.state)
    order.delivery_state = forward_delivery(DeliveryState(order.delivery_state), snapshot.delivery)
    order.redemption_state = forward_redemption(
        RedemptionState(order.redemption_state), snapshot.redemption
    )
    if snapshot.charged:
        order.charged_amount = snapshot.charged.amount
        order.charged_currency = snapshot.charged.currency
    order.raw_status, order.updated_at = snapshot.raw_status, tx.now
    order.claimed_until = order.followed_until = None
    if (order.state, order.delivery_state, order.raw_status) == before:
        return
    words = f"the provider's word is {snapshot.raw_status!r}"
    counted = "it tells against the order" if snapshot.adverse else "counted as pending"
    tx.record(
        f"order.{order.state}",
        _title(order, was_issued=before[0] == OrderState.ISSUED),
        detail=words if snapshot.recognised else f"{words}, not known here: {counted}",
        source="provider",
        attempt=order.attempt,
        data={"provider": order.provider, "key": order.key, "delivery": order.delivery_state}
        | ({"raw_charge": snapshot.raw_charge} if snapshot.raw_charge else {}),
        order_id=order.id,
        **grant.event_ids,
    )


def _title(order: Order, *, was_issued: bool) -> str:
    """The news: for a card that existed before, its delivery."""
    if was_issued and order.state == OrderState.ISSUED:
        return _ON_ITS_WAY[DeliveryState(order.delivery_state)]
    return _TITLES[OrderState(order.state)]


_ON_ITS_WAY = {
    DeliveryState.NOT_APPLICABLE: "Gift card is handed over by its link",
    DeliveryState.PENDING: "Gift card is on its way",
    DeliveryState.SENT: "Gift card sent by the provider",
    DeliveryState.DELIVERED: "Gift card delivered by the provider",
    DeliveryState.FAILED_RETRYABLE: "Gift card not delivered: the provider could not",
    DeliveryState.FAILED_PERMANENT: "Gift card not delivered: the address does not work",
}
_BOUNCED_WORDS = {
    DeliveryState.FAILED_RETRYABLE: "The provider could not deliver the card. Have it sent again.",
    DeliveryState.FAILED_PERMANENT: "The address does not work. Have it sent to the right one.",
}
_TITLES = {
    OrderState.PREPARED: "Order written down",
    OrderState.UNKNOWN: "Order's outcome is not known",
    OrderState.PENDING: "Order accepted by the provider",
    OrderState.ISSUED: "Gift card issued",
    OrderState.FAILED: "Order failed at the provider",
    OrderState.CANCELLED: "Order cancelled at the provider",
}


def _post_issue(
    tx: Transaction, order: Order, grant: Grant, face: Money, charged: Money | None
) -> None:
    order.issued_at = tx.now
    tx.post(
        ledger.commit(grant.campaign_id, order.id, face),
        *ledger.charge(order.provider, order.id, face, charged or face),
    )


_SECOND = "A second card was issued for this reward. Ask the provider to take one back."


def _post_second(tx: Transaction, order: Order, face: Money, snapshot: OrderSnapshot) -> None:
    """A card for a grant that has one already. It cost money, but was not promised: the deposit is
    charged, the budget is not."""
    order.issued_at = tx.now
    tx.post(*ledger.charge(order.provider, order.id, face, snapshot.charged or face))


async def post_withdrawal(tx: Transaction, order: Order, grant: Grant, face: Money) -> bool:
    """The provider took an issued card back: the reward is owed again, unordered, and the card's
    cost is in our deposit again. False for a card that no budget had been committed for."""
    tx.post(*ledger.refund(order.provider, order.id, face, await _charged(tx, order)))
    kinds = await _posted(tx, order.id)
    if "commit" not in kinds:
        return False
    if _spent(kinds):
        tx.post(ledger.unspend(grant.campaign_id, order.id, face))
    tx.post(ledger.withdraw(grant.campaign_id, order.id, face))
    return True


async def _charged(tx: Transaction, order: Order) -> Money:
    """What was booked when the card was issued, whatever price was reported later. Without fees,
    which are booked separately."""
    booked = await tx.session.execute(
        select(col(LedgerEntry.amount), col(LedgerEntry.currency)).where(
            col(LedgerEntry.kind) == "charge",
            col(LedgerEntry.subject) == order.id,
            col(LedgerEntry.amount) > 0,
        )
    )
    amount, currency = booked.one()
    return Money(amount=amount, currency=currency)


async def _consequence(
    tx: Transaction,
    order: Order,
    grant: Grant,
    pace: Pace,
    arrived: frozenset[DeliveryState],
    snapshot: OrderSnapshot,
) -> Step:
    delivery = DeliveryState(order.delivery_state)
    if order.state in ENDED:
        detail = f"The provider says {order.raw_status!r}. Retry places a new order."
        return await park(tx, grant, Attention.ORDER_LOST, detail)
    if delivery in _BOUNCED:
        return await park(tx, grant, Attention.DELIVERY_FAILED, _BOUNCED_WORDS[delivery])
    if snapshot.adverse:
        return await _stop_at_word(tx, order, grant, pace)
    if order.state == OrderState.ISSUED and delivery in arrived:
        return await _deliver(tx, order, grant)
    return await _keep_following(tx, order, grant, pace, awaits_funds=snapshot.awaits_funds)


async def _stop_at_word(tx: Transaction, order: Order, grant: Grant, pace: Pace) -> Step:
    """The provider reports something adverse that its adapter does not know. A person asks it; the
    order is still polled, and nothing is ordered anew."""
    says = f"The provider says {order.raw_status!r}, which is not known here."
    if order.state == OrderState.ISSUED:
        detail = f"{says} Ask it whether the card works and has arrived."
        step = await park(tx, grant, Attention.DELIVERY_FAILED, detail)
    else:
        detail = f"{says} Ask it whether the card will come, then resolve."
        step = await park(tx, grant, Attention.OUTCOME_UNKNOWN, detail)
    return _followed(step, _next_look(tx, order, pace))


async def _deliver(tx: Transaction, order: Order, grant: Grant) -> Step:
    if grant.status == GrantStatus.DELIVERED:
        return Step(next=Next.REST)
    referral = await lock_referral(tx, grant.referral_id)
    face = Money(amount=order.face_amount, currency=order.currency)
    # A parked grant may have been delivered before, and have bounced; so may one that was sent
    # again.
    first_time = grant.status != GrantStatus.NEEDS_ATTENTION and order.resent_at is None
    if first_time or not _spent(await _posted(tx, order.id)):
        tx.post(ledger.spend(grant.campaign_id, order.id, face))
    set_status(tx, grant, GrantStatus.DELIVERED)
    tx.record(
        "grant.delivered",
        "Reward delivered",
        detail=f"{face} by {order.provider}; delivery state: {order.delivery_state}",
        order_id=order.id,
        **grant.event_ids,
    )
    await refresh_referral(tx, referral)
    return Step(next=Next.REST)


async def _posted(tx: Transaction, order_id: str) -> set[str]:
    """The kinds of the ledger's postings about this order. A correction counts as the posting that
    it supplied."""
    statement = select(col(LedgerEntry.kind), col(LedgerEntry.corrects)).where(
        col(LedgerEntry.subject) == order_id
    )
    found = (await tx.session.execute(statement)).all()
    corrected = {str(of).partition("/")[0] for kind, of in found if kind.startswith("correct/")}
    return {kind for kind, _ in found} | corrected


def _spent(kinds: set[str]) -> bool:
    """Whether the face value was booked as spent, and not taken back since."""
    return "spend" in kinds and "unspend" not in kinds


async def _keep_following(
    tx: Transaction, order: Order, grant: Grant, pace: Pace, *, awaits_funds: bool
) -> Step:
    age = _age(tx, order)
    after = _next_look(tx, order, pace)
    if awaits_funds:
        detail = "The provider has the order and waits for funds. Do not order again."
        step = await park(tx, grant, Attention.INSUFFICIENT_FUNDS, detail)
    elif age >= pace.overdue:
        detail = f"Open at the provider for {age.days} days. Ask them; Guerdon goes on looking."
        step = await park(tx, grant, Attention.DELIVERY_OVERDUE, detail)
    else:
        await clear_attention(tx, grant, GrantStatus.ORDERED)
        return Step(next=Next.FOLLOW, after=after)
    return _followed(step, after)


def _age(tx: Transaction, order: Order) -> timedelta:
    return tx.now - (order.resent_at or order.first_sent_at or tx.now)


def _next_look(tx: Transaction, order: Order, pace: Pace) -> timedelta:
    return poll_interval(_age(tx, order), pace.first, pace.longest)


def _followed(parked: Step, after: timedelta) -> Step:
    """Parked, and still polled."""
    return parked.model_copy(update={"next": Next.FOLLOW, "after": after, "cancellable": False})
