"""Sends an issued card again. The card stays the same, and nothing is ordered; if its provider only
mails to the first address, see `store.staff.readdress`."""

from __future__ import annotations

from typing import NamedTuple

from domain.grants import GrantStatus
from domain.messages import Next, StaffRequest, Step
from domain.orders import DeliveryState
from domain.refusals import existing
from domain.staff import Action, refusal
from store.database import Transaction
from store.grants.attention import clear_attention
from store.grants.state import lock_grant, lock_order
from store.staff import requests
from store.staff.cancel import event_details
from store.tables import Grant, Order, StaffAction


class Resend(NamedTuple):
    """What the provider is asked to do. `email`: the corrected address, if any; `elsewhere`:
    whether it differs from the one the card was ordered for."""

    provider_order_id: str
    email: str | None
    elsewhere: bool

    def __repr__(self) -> str:
        return f"Resend({self.provider_order_id})"


async def prepare(tx: Transaction, request: StaffRequest) -> Resend | Step:
    """The card to send again; a Step if that was done, or the facts have changed."""
    grant, order = await lock_latest(tx, request.grant_id)
    asked = await tx.session.get(StaffAction, request.request_id)
    if asked is None or asked.done_at is not None:
        return requests.step_of(grant, order)
    refused = refusal(Action.RESEND, requests.snapshot_of(grant, order, {order.provider: True}))
    if refused or order.provider_order_id is None:
        await _note_refused(tx, request, grant, order, refused or "The provider never named it.")
        return requests.step_of(grant, order)
    first = str(((order.request or {}).get("recipient") or {}).get("email") or "")
    elsewhere = bool(asked.email) and str(asked.email).lower() != first.lower()
    return Resend(order.provider_order_id, asked.email, elsewhere)


async def record_resent(tx: Transaction, request: StaffRequest, attempt: int, carrier: str) -> Step:
    """The provider accepted it: from now on the delivery is followed anew."""
    grant, order = await lock_latest(tx, request.grant_id)
    asked = await requests.begin(tx, request.request_id)
    if asked is None:
        return requests.step_of(grant, order)
    order.delivery_state, order.resent_at, order.updated_at = DeliveryState.PENDING, tx.now, tx.now
    order.resent_to, grant.workflow_id = asked.email or order.resent_to, carrier
    where = "to a corrected address" if asked.email else "to the same address"
    facts = event_details(request, asked)
    facts["detail"] = f"{where}: {asked.reason}" if asked.reason else where
    title = "Sent again, as staff asked"
    tx.record("grant.resent", title, attempt=attempt, order_id=order.id, **facts, **grant.event_ids)
    await clear_attention(tx, grant, GrantStatus.ORDERED)
    return Step(next=Next.FOLLOW)


async def record_refused(tx: Transaction, request: StaffRequest, attempt: int, detail: str) -> Step:
    """The provider refused. The grant stays as it was."""
    grant, order = await lock_latest(tx, request.grant_id)
    if await tx.session.get(StaffAction, request.request_id):
        await _note_refused(tx, request, grant, order, detail, attempt)
    return requests.step_of(grant, order)


async def _note_refused(
    tx: Transaction,
    request: StaffRequest,
    grant: Grant,
    order: Order,
    detail: str,
    attempt: int | None = None,
) -> None:
    asked = await requests.begin(tx, request.request_id)
    facts = event_details(request, asked) | {"detail": detail}
    title = "Staff asked for the card to be sent again; that was not possible"
    tx.record(
        "grant.not_resent", title, attempt=attempt, order_id=order.id, **facts, **grant.event_ids
    )


async def lock_latest(tx: Transaction, grant_id: str) -> tuple[Grant, Order]:
    """The grant and its latest order, locked for this transaction."""
    grant = await lock_grant(tx, grant_id)
    order = existing(await lock_order(tx, grant_id), "order of grant", grant_id)
    return grant, order
