"""A person's decision on an order with an unknown outcome. The provider wins: a card that is found
under the order's key exists, whatever the person said."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.grants import Attention
from domain.messages import StaffRequest, Step
from domain.money import Money
from domain.orders import OrderState
from domain.staff import Action, refusal
from store.database import Transaction
from store.grants import attention as parking
from store.orders.attempts import Busy
from store.staff import requests
from store.staff.cancel import event_details
from store.staff.resend import lock_latest
from store.tables import Grant, Order, StaffAction


class Doubt(NamedTuple):
    """An order with an unknown outcome, and what a person says of it."""

    order_id: str
    key: str
    face: Money
    first_sent_at: datetime
    issued: bool
    provider_order_id: str | None


async def prepare(tx: Transaction, request: StaffRequest) -> Doubt | Busy | Step:
    """The order to resolve; Busy while an attempt may still be running; a Step if it was resolved,
    or the facts have changed."""
    grant, order = await lock_latest(tx, request.grant_id)
    asked = await tx.session.get(StaffAction, request.request_id)
    if asked is None or asked.done_at is not None:
        return requests.step_of(grant, order)
    if refused := refusal(Action.RESOLVE, requests.snapshot_of(grant, order)):
        await _note(tx, request, grant, order, "not_resolved", _NOT_POSSIBLE, refused)
        return requests.step_of(grant, order)
    if order.claimed_until and order.claimed_until > tx.now:
        return Busy(order.claimed_until - tx.now)
    return Doubt(
        order_id=order.id,
        key=order.key,
        face=Money(amount=order.face_amount, currency=order.currency),
        first_sent_at=order.first_sent_at or order.created_at,
        issued=bool(asked.issued),
        provider_order_id=asked.provider_order_id,
    )


async def note_adopted(tx: Transaction, request: StaffRequest, detail: str) -> bool:
    """The card exists: the caller records in this transaction what the provider says of it. False
    if the request was carried out before."""
    grant, order = await lock_latest(tx, request.grant_id)
    if await _is_done(tx, request):
        return False
    await _note(tx, request, grant, order, "resolved", "Resolved by staff: issued", detail)
    return True


async def record_not_issued(tx: Transaction, request: StaffRequest, carrier: str) -> Step:
    """A definite, named refusal: no card exists under this key, and none will be ordered under it.

    The grant stays parked, so that a person orders anew, or cancels it, by a second, deliberate
    step: a finding can be wrong, and this is the last chance to notice."""
    grant, order = await lock_latest(tx, request.grant_id)
    if await _is_done(tx, request) or order.state not in (OrderState.UNKNOWN, OrderState.PENDING):
        return requests.step_of(grant, order)
    order.state, order.claimed_until, order.updated_at = OrderState.FAILED, None, tx.now
    grant.workflow_id = carrier
    await _note(tx, request, grant, order, "resolved", "Resolved by staff: not issued", None)
    detail = "Staff found that no card was issued. Retry orders anew; cancel cancels it."
    return await parking.park(tx, grant, Attention.ORDER_REJECTED, detail)


async def record_unresolved(
    tx: Transaction, request: StaffRequest, attention: Attention, detail: str, carrier: str
) -> Step:
    """The provider contradicts what was said. The grant stays parked."""
    grant, order = await lock_latest(tx, request.grant_id)
    if await _is_done(tx, request):
        return requests.step_of(grant, order)
    grant.workflow_id = carrier
    await _note(tx, request, grant, order, "not_resolved", _NOT_POSSIBLE, detail)
    return await parking.park(tx, grant, attention, detail)


async def is_another_grants(tx: Transaction, provider_order_id: str, order_id: str) -> bool:
    """Whether another of our orders has this provider order already."""
    mine = await tx.session.get_one(Order, order_id)
    found = await tx.session.scalars(
        select(col(Order.id)).where(
            col(Order.provider) == mine.provider,
            col(Order.provider_order_id) == provider_order_id,
            col(Order.id) != order_id,
        )
    )
    return found.first() is not None


_NOT_POSSIBLE = "Staff's resolution was not possible"


async def _is_done(tx: Transaction, request: StaffRequest) -> bool:
    asked = await tx.session.get(StaffAction, request.request_id)
    return asked is None or asked.done_at is not None


async def _note(
    tx: Transaction,
    request: StaffRequest,
    grant: Grant,
    order: Order,
    what: str,
    title: str,
    detail: str | None,
) -> None:
    """Record it with the evidence, for later questions."""
    asked = await requests.begin(tx, request.request_id)
    said = [detail, f"Evidence: {asked.evidence}" if asked and asked.evidence else None]
    facts = event_details(request, asked) | {"detail": " ".join(filter(None, said)) or None}
    tx.record(f"grant.{what}", title, order_id=order.id, **facts, **grant.event_ids)
