"""Freezing a purchase: key, contents and recipient are written down before a byte is sent."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from domain.grants import GrantIdentity
from domain.ids import Prefix, new_id
from domain.orders import OrderRequest, OrderState, Recipient, order_key
from domain.rewards import Delivery, GiftCard
from store.database import Transaction
from store.tables import Customer, Grant, Order


def missing(delivery: Delivery, customer: Customer, after: Order | None = None) -> str | None:
    """What this delivery needs and the customer lacks, in words. `after`: the order before."""
    match delivery:
        case Delivery.EMAIL if not (corrected(customer, after) or customer.email):
            return "The customer has no e-mail address."
        case Delivery.SMS if not customer.phone:
            return "The customer has no phone number."
        case Delivery.POST if not (customer.address or {}).get("line_1"):
            return "The customer has no postal address."
        case _:
            return None


def corrected(customer: Customer, after: Order | None) -> str | None:
    """The e-mail address that staff gave for this reward, where it counts: a card that was ordered
    there and refused goes to the customer's own address once that has been corrected since."""
    if after is None or after.resent_to is None:
        return None
    recipient = (after.request or {}).get("recipient") or {}
    went_there = recipient.get("email") == after.resent_to
    changed = customer.updated_at is not None and customer.updated_at > after.created_at
    return None if went_there and changed else after.resent_to


def prepare(
    tx: Transaction,
    grant: Grant,
    reward: GiftCard,
    customer: Customer,
    *,
    after: Order | None,
    hooks: str,
) -> Order:
    """Freeze the purchase. A second generation follows only an order that ended for good."""
    generation = after.generation + 1 if after else 1
    token, given = secrets.token_urlsafe(32), corrected(customer, after)
    request = OrderRequest(
        key=order_key(identity_of(grant), generation),
        product_id=reward.product_id,
        face=reward.face,
        delivery=reward.delivery,
        recipient=Recipient(
            name=customer.name,
            email=given or customer.email,
            phone=customer.phone,
            address=customer.address,
        ),
        personalization=reward.personalization,
        callback_url=f"{hooks}/hooks/{reward.provider}/{token}",
    )
    return Order(
        id=new_id(Prefix.ORDER),
        grant_id=grant.id,
        provider=reward.provider,
        key=request.key,
        generation=generation,
        fingerprint=request.fingerprint(),
        request=request.model_dump(mode="json"),
        hook_token=token,
        face_amount=reward.amount,
        currency=reward.currency,
        resent_to=given,
        created_at=tx.now,
    )


def identity_of(grant: Grant) -> GrantIdentity:
    """What the grant's order keys are made of. One that was renumbered keeps its old number there:
    its first order may have gone out under it."""
    whose = (grant.campaign_id, grant.reason, grant.recipient_id)
    if grant.key_ordinal is not None:
        return GrantIdentity(*whose, grant.key_ordinal)
    return GrantIdentity(*whose, grant.ordinal, milestone=grant.friends_counted is not None)


def claimed(order: Order, at: datetime, lifetime: timedelta) -> dict[str, Any]:
    """A new order's row, written down and claimed by one statement at that time, the database's."""
    return order.model_dump() | {
        "attempt": 1,
        "claimed_until": at + lifetime,
        "first_sent_at": at,
        # From here on the card may exist, whatever becomes of this process.
        "state": OrderState.UNKNOWN,
    }
